"""Days of the site's time zone."""

from datetime import UTC, date, datetime, time

from django.utils import timezone


def start_of_day(day: date) -> datetime:
    """Return when a day begins in the present time zone: at midnight, or when that is skipped."""
    try:
        return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)
    except OverflowError:  # what UTC cannot say: the first day east of it, the last one west of it
        return datetime.combine(day, time.min if day == date.min else time.max, tzinfo=UTC)
