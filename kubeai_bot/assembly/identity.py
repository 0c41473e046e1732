"""Who is who, as the settings say."""

from __future__ import annotations

from kubeai_bot.auth.admission import Admission
from kubeai_bot.auth.kubeconfig import KubeconfigOwner
from kubeai_bot.auth.mapping import MappedIdentities, MappedPerson, ProfileOf
from kubeai_bot.auth.shared import SharedIdentity
from kubeai_bot.interfaces import IdentityResolver
from kubeai_bot.settings.environment import Settings


def choose_resolver(settings: Settings, profile: ProfileOf) -> IdentityResolver:
    identity = settings.config.identity
    if not settings.impersonate:
        resolver: IdentityResolver = KubeconfigOwner(settings.allowed_users)
    elif settings.auth_method == "MAPPING":
        people = [MappedPerson(who.kube, who.slack, who.email, who.per_cluster) for who in identity.users]
        resolver = MappedIdentities(people, profile, identity.contact)
    else:
        resolver = SharedIdentity(settings.shared_user, settings.shared_groups)
    return Admission(
        resolver,
        profile,
        allowed_users=frozenset(settings.allowed_users),
        allow_guests=settings.allow_guests,
        allow_external=settings.allow_external,
        contact=identity.contact,
    )
