"""What is durable: the outbox `posture.db`, the pictures, and the way to PostgreSQL."""
