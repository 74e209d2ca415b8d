"""What becomes of a delivery, without a broker: whose frame it is, and when it is acknowledged."""

import base64

from posture_agent.master.ingest.intake import Moved
from posture_shared.frame import new_id
from support.intake_desk import RUN, Desk, identified, jpeg


def test_a_frame_is_acknowledged_only_when_its_row_is_durable(desk: Desk) -> None:
    desk.deliver(identified(), 1)
    assert desk.acknowledged == []
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1]
    assert desk.durable == [Moved("pi1", RUN, 1)]


def test_acknowledgements_leave_in_the_order_of_receipt(desk: Desk) -> None:
    for packet in (1, 2, 3):
        desk.deliver(identified(packet), packet)
    first, second, third = [frame.frame_id for frame in desk.frames]
    desk.settle(third)
    desk.settle(second)
    assert desk.acknowledged == []
    desk.settle(first)
    assert desk.acknowledged == [1, 2, 3]


def test_a_redelivery_shares_the_fate_of_the_frame_in_flight(desk: Desk) -> None:
    body = identified()
    desk.deliver(body, 1)
    desk.deliver(body, 2)
    assert len(desk.frames) == 1
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1, 2]


def test_an_acknowledgement_never_goes_to_a_later_connection(desk: Desk) -> None:
    body = identified()
    desk.deliver(body, 7)
    desk.reconnect()
    desk.deliver(identified(2), 7)
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == []
    desk.settle(desk.frames[1].frame_id)
    assert desk.acknowledged == [7]


def test_a_durable_id_is_acknowledged_at_once_and_confirmed_again(desk: Desk) -> None:
    frame_id = new_id()
    desk.known.owners[frame_id] = "pi1"
    desk.deliver(identified(5, frame_id=frame_id), 3)
    assert desk.acknowledged == [3]
    assert desk.frames == []
    assert desk.durable == [Moved("pi1", RUN, 5)]


def test_an_id_of_another_camera_gets_a_new_one_that_its_redelivery_gets_too(desk: Desk) -> None:
    frame_id = new_id()
    desk.known.owners[frame_id] = "pi1"
    body = identified(frame_id=frame_id)
    desk.deliver(body, 1, topic="images/pi2")
    [frame] = desk.frames
    assert frame.frame_id != frame_id
    assert desk.intake.tally.renamed == 1
    desk.deliver(body, 2, topic="images/pi2")
    assert len(desk.frames) == 1
    desk.settle(frame.frame_id)
    desk.known.owners[frame.frame_id] = "pi2"
    desk.deliver(body, 3, topic="images/pi2")
    assert len(desk.frames) == 1
    assert desk.acknowledged == [1, 2, 3]


def test_identical_pictures_of_a_frozen_camera_are_separate_frames(desk: Desk) -> None:
    body = base64.b64encode(jpeg())
    for packet in (1, 2, 3):
        desk.deliver(body, packet)
    assert len({frame.frame_id for frame in desk.frames}) == 3


def test_without_identity_a_marked_equal_delivery_is_a_redelivery(desk: Desk) -> None:
    body = jpeg()
    desk.deliver(body, 1)
    desk.reconnect()
    desk.deliver(body, 1, dup=True)
    assert len(desk.frames) == 1
    delivery = desk.intake.delivery_of(desk.frames[0].frame_id)
    assert delivery is not None
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1]
    desk.known.deliveries[delivery] = desk.frames[0].frame_id
    desk.deliver(body, 1, dup=True)
    assert desk.acknowledged == [1, 1]
    assert len(desk.frames) == 1


def test_without_identity_a_marked_delivery_of_another_packet_is_a_frame(desk: Desk) -> None:
    desk.deliver(jpeg(), 1)
    desk.deliver(jpeg(), 2, dup=True)
    assert len(desk.frames) == 2


def test_the_budget_is_full_until_enough_is_settled() -> None:
    desk = Desk(budget_bytes=1024 * 1024)
    packet = 0
    while not desk.intake.budget.full:
        packet += 1
        desk.deliver(identified(packet), packet)
    assert desk.intake.budget.held >= 1024 * 1024
    for frame_id in list(desk.intake._held)[: packet // 2]:
        desk.settle(frame_id)
    assert not desk.intake.budget.full


def test_a_defect_with_one_message_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.known.owner = lambda _frame_id: 1 / 0  # type: ignore[assignment, return-value]
    desk.deliver(identified(), 1)
    desk.deliver(jpeg(), 2)
    assert desk.intake.tally.rejects == {"internal": 1}
    assert desk.acknowledged == [1]
    assert len(desk.frames) == 1


def test_a_defect_behind_the_intake_is_a_failed_row_not_a_frame_held_for_ever(desk: Desk) -> None:
    desk.intake._on_frame = lambda _frame: 1 / 0  # type: ignore[assignment]
    desk.deliver(identified(), 1)
    assert [outcome.result.posture_status for outcome in desk.outcomes] == ["Failed"]
    desk.settle(desk.outcomes[0].result.frame_id)
    assert desk.acknowledged == [1]
    assert desk.intake.budget.held == 0


def test_a_defect_with_a_frame_that_waited_does_not_hold_up_whoever_makes_room_for_it() -> None:
    desk = Desk(window=4)
    for packet in range(1, 7):
        desk.deliver(identified(packet), packet)
    desk.intake._on_frame = lambda _frame: 1 / 0  # type: ignore[assignment]
    desk.settle(desk.frames[0].frame_id)
    assert desk.acknowledged == [1]
    [outcome] = desk.outcomes
    assert (outcome.result.run, outcome.result.seq, outcome.result.posture_status) == (RUN, 5, "Failed")
    assert "division by zero" in outcome.result.reason
