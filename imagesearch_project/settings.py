"""All settings. The environment is read here and nowhere else; docs/settings.md describes every variable."""

from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from .database_url import CONNECTION_SECONDS, database_of
from .env import (
    bucket_name,
    env_bool,
    env_choice,
    env_globs,
    env_int,
    env_list,
    env_path,
    env_str,
    secret_key,
    still_set,
    web_address,
    writable_folder,
)
from .file_modes import FileModes, keep_private

django_stubs_ext.monkeypatch()  # generic Django classes, such as ModelAdmin[Image], exist at run time too

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = writable_folder(
    env_path("IMAGESEARCH_DATA_DIR", BASE_DIR / "data"), setting="IMAGESEARCH_DATA_DIR to a folder you may write"
)
FILE_MODES = FileModes.of(env_choice("IMAGESEARCH_DATA_READERS", "owner", choices=["owner", "group"]))
keep_private(DATA_DIR, FILE_MODES)

# Security

DEBUG = env_bool("IMAGESEARCH_DEBUG", False)
SECRET_KEY = env_str("IMAGESEARCH_SECRET_KEY") or secret_key(DATA_DIR / "secret_key", setting="IMAGESEARCH_SECRET_KEY")
ALLOWED_HOSTS = env_list("IMAGESEARCH_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("IMAGESEARCH_TRUSTED_ORIGINS")
HTTPS = env_bool("IMAGESEARCH_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes come from inside, without TLS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "gallery.views.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],  # blob: previews before an upload; data: the admin's icons
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Application

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "template_partials",
    "gallery",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gallery.views.caching.PrivateByDefaultMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "gallery.api.middleware.ApiErrorMiddleware",
    "django.middleware.common.CommonMiddleware",
    "gallery.views.middleware.RequestSizeMiddleware",
    "gallery.views.middleware.FormMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gallery.views.actor.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "gallery.views.middleware.ErrorPageMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "imagesearch_project.urls"
WSGI_APPLICATION = "imagesearch_project.wsgi.application"
ASGI_APPLICATION = "imagesearch_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gallery.views.context.site",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database. On SQLite every transaction takes the write lock at its start, so that two writers queue up instead of
# failing half-way with "database is locked"; WAL lets readers go on meanwhile. FULL: a commit is on the disk before the
# files that it makes superfluous (a deleted picture's, an old epoch's) are removed; NORMAL may lose it in a power cut.
# A thread keeps its connection for a minute: opening one and reading the schema costs a request 3 ms of a processor.

SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": 30,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
}
database_url = env_str("IMAGESEARCH_DATABASE_URL")
if database_url:
    DATABASES: dict[str, Any] = {
        "default": database_of(database_url, setting="IMAGESEARCH_DATABASE_URL", sqlite_options=SQLITE_OPTIONS)
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "imagesearch.sqlite3",
            "CONN_MAX_AGE": CONNECTION_SECONDS,
            "OPTIONS": SQLITE_OPTIONS,
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},  # a real file: threads and processes share it
        }
    }

# Accounts

AUTH_USER_MODEL = "gallery.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "gallery.views.errors.too_many_sign_ins"
AXES_CLIENT_IP_CALLABLE = "gallery.client_address.client_address"
AXES_VERBOSE = False
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env_str("IMAGESEARCH_EMAIL_HOST")
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = env_str("IMAGESEARCH_EMAIL_HOST")
EMAIL_PORT = env_int("IMAGESEARCH_EMAIL_PORT", 587, minimum=1, maximum=65535)
EMAIL_HOST_USER = env_str("IMAGESEARCH_EMAIL_USER")
EMAIL_HOST_PASSWORD = env_str("IMAGESEARCH_EMAIL_PASSWORD")
EMAIL_USE_TLS = env_bool("IMAGESEARCH_EMAIL_TLS", True)
EMAIL_TIMEOUT = 30  # seconds; a server that is silent keeps a thread no longer
DEFAULT_FROM_EMAIL = env_str("IMAGESEARCH_EMAIL_FROM", "image-search@localhost")

# Languages

LANGUAGE_CODE = env_choice("IMAGESEARCH_LANGUAGE", "en", choices=("en", "zh-hans"))
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "gallery" / "locale"]
TIME_ZONE = env_str("IMAGESEARCH_TIME_ZONE", "UTC")
USE_TZ = True

# Files

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"  # served by views that ask who may see; no URL leads here
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_PERMISSIONS = FILE_MODES.file
DATA_UPLOAD_MAX_NUMBER_FILES = env_int("IMAGESEARCH_MAX_UPLOAD_FILES", 100, minimum=1, maximum=10_000)
S3_BUCKET = bucket_name(env_str("IMAGESEARCH_S3_BUCKET"), setting="IMAGESEARCH_S3_BUCKET")
S3_ENDPOINT = web_address(env_str("IMAGESEARCH_S3_ENDPOINT"), setting="IMAGESEARCH_S3_ENDPOINT")
S3_TIMEOUT_SECONDS = env_int("IMAGESEARCH_S3_TIMEOUT_SECONDS", 10, minimum=1, maximum=600)
STORAGES: dict[str, Any] = {
    "default": (
        {
            "BACKEND": "gallery.storage.bucket.BucketStorage",
            "OPTIONS": {
                "bucket_name": S3_BUCKET,
                "endpoint_url": S3_ENDPOINT,
                "default_acl": "private",
                "timeout_seconds": S3_TIMEOUT_SECONDS,
            },
        }
        if S3_BUCKET
        else {"BACKEND": "gallery.storage.ContentStorage"}
    ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# REST

API_ANONYMOUS_PER_MINUTE = env_int("IMAGESEARCH_API_ANONYMOUS_PER_MINUTE", 0, minimum=0, maximum=1_000_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gallery.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["gallery.api.permissions.ReadOrSignedIn"],
    "DEFAULT_PAGINATION_CLASS": "gallery.api.pagination.ListPagination",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": f"{API_ANONYMOUS_PER_MINUTE}/min" if API_ANONYMOUS_PER_MINUTE else None},
    "NUM_PROXIES": env_int("IMAGESEARCH_PROXY_COUNT", 0, minimum=0, maximum=10),
    "DEFAULT_PARSER_CLASSES": [
        "gallery.api.parsers.JSONObjectParser",
        "gallery.api.parsers.FormWithFilesParser",
        "rest_framework.parsers.FormParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "gallery.api.schema_operations.ApiSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "gallery.api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Image Search",
    "DESCRIPTION": "Find pictures by what they show: with a sentence in Chinese or English, or with a picture.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "gallery.models.SearchStatus",
        "JobStatusEnum": "gallery.models.job.Job.Status",
        "JobItemKindEnum": "gallery.models.job_item.JobItem.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gallery.api.schema_answers.describe_errors",
    ],
}

# Gallery: read only by gallery/conf.py

GALLERY = {
    "data_dir": DATA_DIR,
    "encoder": env_str("IMAGESEARCH_ENCODER", "auto"),
    "precision": env_choice("IMAGESEARCH_PRECISION", "float32", choices=["float32", "bfloat16"]),
    "max_upload_bytes": env_int("IMAGESEARCH_MAX_UPLOAD_MB", 50, minimum=1, maximum=10_000) * 1_000_000,
    "max_upload_files": DATA_UPLOAD_MAX_NUMBER_FILES,
    "max_pixels": env_int("IMAGESEARCH_MAX_MEGAPIXELS", 128, minimum=1, maximum=2_000) * 1_000_000,
    "max_frames": env_int("IMAGESEARCH_MAX_FRAMES", 2_000, minimum=1, maximum=1_000_000),
    "decode_timeout_seconds": env_int("IMAGESEARCH_DECODE_TIMEOUT_SECONDS", 30, minimum=1, maximum=3_600),
    "decode_memory_mb": env_int("IMAGESEARCH_DECODE_MEMORY_MB", 2_000, minimum=200, maximum=1_000_000),
    "decode_wait_seconds": env_int("IMAGESEARCH_DECODE_WAIT_SECONDS", 5, minimum=1, maximum=600),
    "search_max_pixels": env_int("IMAGESEARCH_SEARCH_MAX_MEGAPIXELS", 50, minimum=1, maximum=2_000) * 1_000_000,
    "search_decode_timeout_seconds": env_int("IMAGESEARCH_SEARCH_DECODE_TIMEOUT_SECONDS", 5, minimum=1, maximum=3_600),
    "import_ignore": env_globs(
        "IMAGESEARCH_IMPORT_IGNORE",
        [
            ".*",
            "@eaDir",
            "@tmp",
            "@Recycle",
            "@Recently-Snapshot",
            "#recycle",
            "#snapshot",
            "$RECYCLE.BIN",
            "RECYCLER",
            "System Volume Information",
            "lost+found",
            "FOUND.[0-9][0-9][0-9]",
            "Network Trash Folder",
            "Temporary Items",
            "__MACOSX",
            "*.lrdata",
            "Thumbs.db",
            "ehthumbs*.db",
            "ZbThumbnail.info",
            "desktop.ini",
            "Picasa.ini",
            "*_original",
            "*.orig",
            "*.bak",
            "*.old",
            "*.tmp",
            "*.part",
            "*.partial",
            "*.crdownload",
            "*~",
        ],
    ),
    "max_results": env_int("IMAGESEARCH_MAX_RESULTS", 200, minimum=20, maximum=10_000),
    "max_query_characters": env_int("IMAGESEARCH_MAX_QUERY_CHARACTERS", 500, minimum=10, maximum=5_000),
    "engine": env_choice("IMAGESEARCH_ENGINE", "exact", choices=["exact", "fast", "faiss"]),
    "search_threads": env_int("IMAGESEARCH_SEARCH_THREADS", 0, minimum=0, maximum=1_024),
    "embed_batch_size": env_int("IMAGESEARCH_EMBED_BATCH_SIZE", 16, minimum=1, maximum=4_096),
    "lock_timeout_seconds": env_int("IMAGESEARCH_LOCK_TIMEOUT_SECONDS", 60, minimum=1, maximum=3_600),
    "embedded_words": env_bool("IMAGESEARCH_EMBEDDED_WORDS", True),
    "reads_text": env_bool("IMAGESEARCH_READ_TEXT", True),
    "sign_up_open": env_bool("IMAGESEARCH_SIGN_UP", True),
    "sign_ups_per_hour": env_int("IMAGESEARCH_SIGN_UPS_PER_HOUR", 20, minimum=0, maximum=1_000_000),
    "reset_mails_per_hour": env_int("IMAGESEARCH_RESET_MAILS_PER_HOUR", 3, minimum=0, maximum=1_000_000),
    "resets_per_client_per_hour": env_int("IMAGESEARCH_RESETS_PER_CLIENT_PER_HOUR", 20, minimum=0, maximum=1_000_000),
    "visitor_picture_searches_per_minute": env_int(
        "IMAGESEARCH_VISITOR_PICTURE_SEARCHES_PER_MINUTE", 20, minimum=0, maximum=1_000_000
    ),
    "member_picture_searches_per_minute": env_int(
        "IMAGESEARCH_MEMBER_PICTURE_SEARCHES_PER_MINUTE", 120, minimum=0, maximum=1_000_000
    ),
    "upload_bytes_per_hour": env_int("IMAGESEARCH_UPLOAD_MB_PER_HOUR", 20_000, minimum=0, maximum=100_000_000)
    * 1_000_000,
    "quota_pictures": env_int("IMAGESEARCH_QUOTA_PICTURES", 0, minimum=0, maximum=2_000_000_000),
    "quota_bytes": env_int("IMAGESEARCH_QUOTA_MB", 0, minimum=0, maximum=2_000_000_000) * 1_000_000,
    "trash_days": env_int("IMAGESEARCH_TRASH_DAYS", 30, minimum=1, maximum=3_650),
    "metrics_enabled": env_bool("IMAGESEARCH_METRICS", False),
    "starts_worker": env_bool("IMAGESEARCH_STARTS_WORKER", True),
}

# Variables of earlier versions that are set and mean nothing more: `manage.py check` says what replaced them.
GONE_VARIABLES = still_set(["IMAGESEARCH_TASKS_BACKEND"])

# The server of `manage.py serve`: read only by imagesearch_project/serving/. A room: threads, how many wait, seconds

ROOM_WAITING = env_int("IMAGESEARCH_ROOM_WAITING", 40, minimum=0, maximum=10_000)
ROOM_WAIT_SECONDS = env_int("IMAGESEARCH_ROOM_WAIT_SECONDS", 5, minimum=1, maximum=600)
BODIES_BYTES = env_int("IMAGESEARCH_BODIES_MB", 4_000, minimum=10, maximum=10_000_000) * 1_000_000
SERVING: dict[str, Any] = {
    "header_seconds": env_int("IMAGESEARCH_HEADER_SECONDS", 10, minimum=1, maximum=600),
    "bodies": {
        "silence_seconds": env_int("IMAGESEARCH_BODY_SILENCE_SECONDS", 15, minimum=1, maximum=3_600),
        "grace_seconds": env_int("IMAGESEARCH_BODY_GRACE_SECONDS", 30, minimum=1, maximum=3_600),
        "bytes_per_second": env_int("IMAGESEARCH_BODY_BYTES_PER_SECOND", 20_000, minimum=1, maximum=1_000_000_000),
        "total_bytes": BODIES_BYTES,
        "strangers_bytes": BODIES_BYTES // 4,
    },
    "rooms": {
        "health": (2, 1_000, ROOM_WAIT_SECONDS),
        "pages": (env_int("IMAGESEARCH_PAGE_THREADS", 2, minimum=1, maximum=256), ROOM_WAITING, ROOM_WAIT_SECONDS),
        "text_search": (
            env_int("IMAGESEARCH_TEXT_SEARCH_THREADS", 2, minimum=1, maximum=256),
            ROOM_WAITING,
            ROOM_WAIT_SECONDS,
        ),
        "picture_search": (
            env_int("IMAGESEARCH_PICTURE_SEARCH_THREADS", 2, minimum=1, maximum=256),
            ROOM_WAITING,
            ROOM_WAIT_SECONDS,
        ),
        "upload": (env_int("IMAGESEARCH_UPLOAD_THREADS", 3, minimum=1, maximum=256), ROOM_WAITING, ROOM_WAIT_SECONDS),
        "download": (
            env_int("IMAGESEARCH_DOWNLOAD_THREADS", 2, minimum=1, maximum=256),
            ROOM_WAITING,
            ROOM_WAIT_SECONDS,
        ),
        "files": (env_int("IMAGESEARCH_FILE_THREADS", 2, minimum=1, maximum=256), 10 * ROOM_WAITING, ROOM_WAIT_SECONDS),
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "imagesearch_project.log_lines.OneLineFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "imagesearch_project.refusal_log.RefusalHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_str("IMAGESEARCH_LOG_LEVEL", "WARNING").upper()},
    "loggers": {"gallery": {"level": env_str("IMAGESEARCH_LOG_LEVEL", "INFO").upper()}},
}
