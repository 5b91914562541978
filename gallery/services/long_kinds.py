"""The kinds of long work there are, and what carries each out."""

from gallery.models import JobKind

from .bulk_changes import carry_out_bulk_change
from .embedding.model_change_job import carry_out_model_change
from .import_jobs import write_down_import
from .waiting_jobs import LongKind, LongKinds

LONG_KINDS: LongKinds = {
    JobKind.IMPORT: LongKind(on_end=write_down_import),
    JobKind.MODEL_CHANGE: LongKind(run=carry_out_model_change),
    JobKind.BULK_CHANGE: LongKind(run=carry_out_bulk_change),
}
