"""Uses the server of the first argument as an application with Authlib or
requests-oauthlib and an API with PyJWT do. Whatever they dislike ends it with an error.
"""

import json
import sys
from urllib.request import urlopen

import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

world = json.loads(sys.argv[1])
bob = OAuth2Session(world["bob"]["id"], world["bob"]["secret"])
alice = OAuth2Session(world["alice"]["id"], token_endpoint_auth_method="none")


def refused(error, call, *args, **more):
    """Returns the error that the call must raise."""
    try:
        call(*args, **more)
    except error as raised:
        return raised
    raise AssertionError(f"{call} is not refused with {error}")


def client_credentials(session, audience):
    answer = session.fetch_token(
        server["token_endpoint"], grant_type="client_credentials", audience=audience
    )
    return answer["access_token"]


def exchange(subject, audience):
    answer = alice.fetch_token(
        server["token_endpoint"],
        grant_type=EXCHANGE,
        subject_token=subject,
        subject_token_type=ACCESS_TOKEN,
        audience=audience,
    )
    assert answer["issued_token_type"] == ACCESS_TOKEN, answer
    return answer["access_token"]


def altered(text):
    """Returns the text with another first character."""
    return ("B" if text[0] == "A" else "A") + text[1:]


def tampered(token):
    """Returns the token with another signature of the same length."""
    head, signature = token.rsplit(".", 1)
    return f"{head}.{altered(signature)}"


def verify(token, audience, alg):
    key = keys.get_signing_key_from_jwt(token).key
    expected = {
        "algorithms": [alg],
        "audience": audience,
        "issuer": world["issuer"],
        "options": {"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
    }
    jwt.decode(token, key, **expected)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    refused(jwt.InvalidSignatureError, jwt.decode, tampered(token), key, **expected)
    wrong = expected | {"audience": world["elsewhere"]}
    refused(jwt.InvalidAudienceError, jwt.decode, token, key, **wrong)
    wrong = expected | {"issuer": world["elsewhere"]}
    refused(jwt.InvalidIssuerError, jwt.decode, token, key, **wrong)
    wrong = expected | {"algorithms": ["HS256"]}
    refused(jwt.InvalidAlgorithmError, jwt.decode, token, key, **wrong)


def requests_oauthlib(secret, audience):
    """Obtains a token by the client credentials with the other library."""
    session = RequestsSession(client=BackendApplicationClient(world["bob"]["id"]))
    answer = session.fetch_token(
        server["token_endpoint"], auth=HTTPBasicAuth(world["bob"]["id"], secret), audience=audience
    )
    return answer["access_token"]


def introspect(session, token):
    answer = session.introspect_token(server["introspection_endpoint"], token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


with urlopen(f"{world['issuer']}/.well-known/oauth-authorization-server") as response:
    server = json.load(response)
assert server["issuer"] == world["issuer"]
keys = jwt.PyJWKClient(server["jwks_uri"])

for alg, audience in world["audiences"].items():
    verify(client_credentials(bob, audience), audience, alg)
    verify(exchange(world["alice"]["token"], audience), audience, alg)
    verify(requests_oauthlib(world["bob"]["secret"], audience), audience, alg)
    print("verified", alg)

audience = world["audiences"]["ES256"]
stranger = OAuth2Session(world["bob"]["id"], altered(world["bob"]["secret"]))
assert refused(OAuthError, client_credentials, stranger, audience).error == "invalid_client"
refused(InvalidClientError, requests_oauthlib, altered(world["bob"]["secret"]), audience)
assert refused(OAuthError, exchange, "x", audience).error == "invalid_request"

token = client_credentials(bob, audience)
assert introspect(bob, token)["active"] is True
if world["admin"]:
    admin = OAuth2Session(world["admin"]["id"], world["admin"]["secret"])
    assert introspect(admin, token)["active"] is True
    assert introspect(admin, tampered(token)) == {"active": False}
answer = bob.revoke_token(server["revocation_endpoint"], token=token)
assert answer.status_code == 200, answer.text
if world["admin"]:
    assert introspect(admin, token) == {"active": False}
print("done")
