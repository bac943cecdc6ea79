"""The deployed application: one Chalice app, one blueprint per room. No logic lives here."""

from chalice.app import Chalice

from chalicelib.earning.events import bp as earning_events
from chalicelib.earning.routes import bp as earning_routes
from chalicelib.ledger.events import bp as ledger_events
from chalicelib.ledger.routes import bp as ledger_routes
from chalicelib.members.routes import bp as members_routes
from chalicelib.programme.routes import bp as programme_routes
from chalicelib.publishing.events import bp as publishing_events
from chalicelib.publishing.routes import bp as publishing_routes
from chalicelib.runtime.edge import one_error_shape

app = Chalice(app_name="jifen")
app.register_middleware(one_error_shape, "http")
for blueprint in (earning_routes, ledger_routes, members_routes, programme_routes, publishing_routes):
    app.register_blueprint(blueprint, url_prefix="/v1")
for blueprint in (earning_events, ledger_events, publishing_events):
    app.register_blueprint(blueprint)
