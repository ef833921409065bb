"""The tables of the core: people, groups, the audit log, invitations, notices, and what the Hub must still be told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from regional_hub.core import names


def check_person_name(value: str) -> None:
    """Refuse a user name that cannot be a Hub user, a folder and a container, or that belongs to a service."""
    if not names.PERSON.fullmatch(value):
        raise ValidationError(
            _("Use 2 to 30 small letters a-z, digits and hyphens, beginning with a letter."), code="invalid"
        )
    if not names.is_person(value):
        raise ValidationError(
            _("This name is kept for a service of the hub. Please choose another one."), code="reserved"
        )


class Group(models.Model):
    """A set of people. Its name is what permissions, profiles and the Hub know; its titles are what people read."""

    name = models.CharField(max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title in Chinese"), max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The title in the reader's language."""
        chinese = (get_language() or "").startswith("zh")
        return (self.title_zh if chinese else "") or self.title or self.name

    @property
    def is_project(self) -> bool:
        return names.is_project(self.name)


class PersonManager(BaseUserManager):
    """Makes people. `actions.add_person` is what everyone else calls; it also audits."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **more: Any) -> Person:
        person = self.model(username=username, email=self.normalize_email(email).lower(), **more)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(username=(username or "").lower())


class Person(AbstractBaseUser):
    """Someone with an account. What a person may do follows from the groups alone (`permissions`)."""

    username = models.CharField(
        _("user name"),
        max_length=30,
        unique=True,
        validators=[check_person_name],
        error_messages={"unique": _("Somebody already has this user name. Please choose another one.")},
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    display_name = models.CharField(_("name"), max_length=120, blank=True)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True)
    groups = models.ManyToManyField(Group, related_name="members", blank=True)
    is_active = models.BooleanField(default=True)
    awaits_approval = models.BooleanField(default=False)
    must_change_password = models.BooleanField(default=False)
    request_note = models.TextField(_("why you need access"), max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["username"]
        verbose_name = _("person")

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.display_name or self.username

    @property
    def group_names(self) -> frozenset[str]:
        """Names of the person's groups, read once per object; `forget_groups` after a change."""
        if not hasattr(self, "_group_names"):
            self._group_names = frozenset(group.name for group in self.groups.all())
        return self._group_names

    def forget_groups(self) -> None:
        self.__dict__.pop("_group_names", None)

    @property
    def is_administrator(self) -> bool:
        return self.is_active and "admins" in self.group_names

    @property
    def state(self) -> str:
        """`active`, `waiting` (asked for an account) or `disabled`."""
        if self.is_active:
            return "active"
        return "waiting" if self.awaits_approval else "disabled"


class AuditEntry(models.Model):
    """Who did what to which object. Each entry's hash covers the one before; `audit.record` writes, nothing changes."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    verb = models.CharField(max_length=40)
    object = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["actor"]), models.Index(fields=["object"])]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("the audit log is only ever appended to")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("the audit log is only ever appended to")


class Invitation(models.Model):
    """A letter of admission for one e-mail address. Only a hash of its token is kept; it works once and for a time."""

    email = models.EmailField()
    groups = models.ManyToManyField(Group, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    language = models.CharField(max_length=10, blank=True)
    invited_by = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> str:
        """`open`, `used`, `revoked` or `expired`."""
        if self.used_at:
            return "used"
        if self.revoked_at:
            return "revoked"
        return "open" if timezone.now() < self.expires_at else "expired"


class Notice(models.Model):
    """Something a person should know. `kind` names the text (`notices.TEXTS`), put in the reader's language."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    facts = models.JSONField(default=dict)
    address = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]


class HubAccount(models.Model):
    """What the Hub must know about one of its users: a person, or the service account of a project.

    Every change raises `wanted`; telling the Hub raises `told`. Where they differ, the Hub must still be told,
    however often it was down or we were killed in between.
    """

    name = models.CharField(max_length=60, unique=True)
    wanted = models.PositiveBigIntegerField(default=1)
    told = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)
    fault = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_behind(self) -> bool:
        return self.told < self.wanted

    @property
    def is_late(self) -> bool:
        """Behind for longer than an immediate try takes: worth telling an administrator."""
        return self.is_behind and timezone.now() - self.changed_at > timedelta(seconds=10)
