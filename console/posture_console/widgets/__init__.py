"""What the screens are made of: line-drawn widgets that show values given to them and hold no state of the site."""
