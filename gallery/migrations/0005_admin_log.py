"""Take over what Django's own log of the admin holds, which is read no more from now on and stays as it is."""

from django.db import migrations

COPY = """
INSERT INTO {entries} (at, action, actor_kind, user_id, actor_name, door, verb,
                       object_kind, object_id, object_label, before, after)
SELECT log.action_time, {action}, 'member', log.user_id, users.username, 'admin',
       CASE log.action_flag WHEN 1 THEN 'added' WHEN 3 THEN 'deleted' ELSE 'changed' END,
       kinds.app_label || '.' || kinds.model, CAST(log.object_id AS bigint), substr(log.object_repr, 1, 255),
       '{{}}', {note}
FROM {log} log
JOIN {users} users ON users.id = log.user_id
JOIN {kinds} kinds ON kinds.id = log.content_type_id
WHERE {is_number}
ORDER BY log.id
"""
PARTS = {
    "sqlite": {
        "action": "printf('%032x', log.id)",
        "note": "CASE log.change_message WHEN '' THEN '{}' "
        "ELSE json_object('note', substr(log.change_message, 1, 2000)) END",
        "is_number": "log.object_id <> '' AND log.object_id NOT GLOB '*[^0-9]*' AND length(log.object_id) < 19",
    },
    "postgresql": {
        "action": "lpad(to_hex(log.id), 32, '0')::uuid",
        "note": "CASE log.change_message WHEN '' THEN '{}'::jsonb "
        "ELSE jsonb_build_object('note', substr(log.change_message, 1, 2000)) END",
        "is_number": "log.object_id ~ '^[0-9]{1,18}$'",
    },
}


def copy_admin_log(apps, schema_editor):
    """One statement, and actions in the order of their index: a million lines take seconds."""
    tables = {
        "entries": apps.get_model("gallery", "AuditEntry"),
        "users": apps.get_model("gallery", "User"),
        "log": apps.get_model("admin", "LogEntry"),
        "kinds": apps.get_model("contenttypes", "ContentType"),
    }
    names = {name: schema_editor.quote_name(model._meta.db_table) for name, model in tables.items()}
    schema_editor.execute(COPY.format(**names, **PARTS[schema_editor.connection.vendor]), params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0004_audit_log"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(copy_admin_log, migrations.RunPython.noop)]
