"""Django's settings, derived from the hub's (`regional_hub.settings`). Change those, not these."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from regional_hub import settings as hub_settings
from regional_hub.core.keys import oidc_key
from regional_hub.core.translations import APPS
from regional_hub.portal.databases import database

HUB = hub_settings.load()
DEBUG = False
SECRET_KEY = HUB.secret("django-secret-key")

# Behind one front door: the address people use, and the addresses that the front door and containers connect to.
_host = urlsplit(HUB.url)
# REGIONAL_HUB_NAMES: on a cluster, the names of the services by which pods reach us.
_named = ",".join(os.environ.get(name, "") for name in ("REGIONAL_HUB_LISTENS", "REGIONAL_HUB_NAMES"))
_listening = [address for address in _named.split(",") if address]
ALLOWED_HOSTS = list(dict.fromkeys([_host.hostname or "", "127.0.0.1", "localhost", "[::1]", *_listening]))
CSRF_TRUSTED_ORIGINS = [f"{_host.scheme}://{_host.netloc}"]
_loopback = _host.hostname in {"127.0.0.1", "localhost", "::1"}

INSTALLED_APPS = [
    "regional_hub.portal",
    "regional_hub.core",
    "regional_hub.sdg",
    "regional_hub.showcase",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.idp",
    "allauth.idp.oidc",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "regional_hub.core.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "regional_hub.core.middleware.reader",
    "regional_hub.core.middleware.password_change_first",
    "regional_hub.sdg.views.drafts.previews",
]

ROOT_URLCONF = "regional_hub.portal.urls"
ASGI_APPLICATION = "regional_hub.portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "regional_hub.portal.context.site",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

DATABASES = {"default": database(HUB)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache"}}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "jobs"]}}

# People and how they sign in
AUTH_USER_MODEL = "core.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "regional_hub.core.adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "regional_hub.core.forms.SignInForm", "signup": "regional_hub.core.forms.SignUpForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_USERNAME_VALIDATORS = "regional_hub.core.forms.USERNAME_VALIDATORS"
ACCOUNT_EMAIL_VERIFICATION = HUB.accounts.email_verification
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{HUB.site.name}] "
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_EMAIL_NOTIFICATIONS = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = HUB.site.name
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _loopback and not HUB.secure
USERSESSIONS_TRACK_ACTIVITY = False
SOCIALACCOUNT_ADAPTER = "regional_hub.core.adapter.SocialAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False

# The OpenID provider that the Hub and other tools of the institution sign in through
IDP_OIDC_PRIVATE_KEY = oidc_key(HUB)
IDP_OIDC_ADAPTER = "regional_hub.core.oidc.OidcAdapter"

# Sessions and cookies: names of their own beside the Hub's, on the same host
SESSION_COOKIE_NAME = "portal_session"
SESSION_COOKIE_AGE = HUB.accounts.session_days * 86400
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HUB.secure
CSRF_COOKIE_NAME = "portal_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "regional_hub.portal.views.errors.csrf"
LANGUAGE_COOKIE_NAME = "hub_language"
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# What browsers are told
SECURE_HSTS_SECONDS = 365 * 86400 if HUB.secure else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A national data set comes in hundreds of files; how much they hold together is for `sdg.upload_mb`.
DATA_UPLOAD_MAX_NUMBER_FILES = 2000

# Languages and time
LANGUAGE_CODE = HUB.site.languages[0]
_languages = {"en": _("English"), "zh-hans": _("Simplified Chinese")}
LANGUAGES = [(code, _languages[code]) for code in HUB.site.languages]
LOCALE_PATHS = [HUB.path("locale", app) for app in reversed(APPS)]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"  # of logs; pages use the reader's zone, else the site's (`core.middleware.reader`)

# Page assets, from npm and from ourselves, hashed once by `prepare`
STATIC_URL = "/static/"
STATIC_ROOT = HUB.path("static")
STATICFILES_FINDERS = [
    "regional_hub.portal.assets.VendorFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "regional_hub.portal.assets.HashedStorage"},
}
WHITENOISE_MAX_AGE = 60
WHITENOISE_USE_FINDERS = False

# Mail: to the SMTP server, or into files that an administrator can read
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if HUB.email.host else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = str(HUB.path("mail"))
EMAIL_HOST, EMAIL_PORT = HUB.email.host, HUB.email.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = HUB.email.user, HUB.email.password
EMAIL_USE_TLS = HUB.email.use_tls
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = SERVER_EMAIL = HUB.email.sender

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
