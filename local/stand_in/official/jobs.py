"""What goes on after an answer was given: a publication or a mass sending runs, ends, and its callback hears of it."""

from __future__ import annotations

from local.stand_in.accounts import App
from local.stand_in.official import events
from local.stand_in.official.drafts import Draft
from local.stand_in.official.masses import CONFIRM_WITHIN, Audience, Mass
from local.stand_in.official.masses import TAKES as SENDING_TAKES
from local.stand_in.official.publications import DONE, Publication
from local.stand_in.official.publications import TAKES as PUBLISHING_TAKES
from local.stand_in.world import World


def publish(world: World, app: App, draft: Draft, now: int) -> Publication:
    """Begin; the draft is back in its box when the job fails."""
    job = world.official.publications.begin(draft, now)

    def finish(at: int) -> None:
        world.official.publications.finish(job.publish_id)
        if job.status != DONE:
            world.official.drafts.put_back(draft)
        events.tell(world, app, "PUBLISHJOBFINISH", events.published(job), at)

    world.at(now + PUBLISHING_TAKES, finish)
    return job


def send(world: World, app: App, draft: Draft | None, audience: Audience, client_id: str, now: int) -> Mass:
    """Begin; or let it wait for the admin, for half an hour. Raises Refused 45028."""
    mass = world.official.masses.begin(app, draft, audience, client_id, now)
    if not mass.waits_for_admin:
        _run(world, app, mass, now)
        return mass

    def give_up(at: int) -> None:
        if world.official.masses.give_up(mass.msg_id):
            _end(world, app, mass, at)

    world.at(now + CONFIRM_WITHIN, give_up)
    return mass


def decide(world: World, msg_id: int, *, confirmed: bool, now: int) -> Mass:
    """The admin confirms or refuses; raises Unknown."""
    mass = world.official.masses.decide(msg_id, confirmed=confirmed)
    app = world.accounts.app(mass.appid)
    if confirmed:
        _run(world, app, mass, now)
    else:
        _end(world, app, mass, now)
    return mass


def _run(world: World, app: App, mass: Mass, now: int) -> None:
    def finish(at: int) -> None:
        world.official.masses.finish(app, mass.msg_id, at)
        _end(world, app, mass, at)

    world.at(now + SENDING_TAKES, finish)


def _end(world: World, app: App, mass: Mass, at: int) -> None:
    if mass.state == "SEND_FAIL" and mass.draft:
        world.official.drafts.put_back(mass.draft)
    events.tell(world, app, "MASSSENDJOBFINISH", events.sent(mass), at)
