"""An application that signs its users in with Authlib's OAuth2Session, and verifies ID tokens with its CodeIDToken.

Arguments: issuer, client id, client secret. Driven by authlib.test.ts, as test/support/driven-application.ts says.
"""

import json
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url

REDIRECT_URI = "http://127.0.0.1:3000/callback"
SIGNED_OUT_URI = "http://127.0.0.1:3000/signed-out"

issuer, client_id, client_secret = sys.argv[1:]


def send_user_to(url):
    print(json.dumps({"visit": url}), flush=True)
    return sys.stdin.readline().strip()


session = OAuth2Session(
    client_id,
    client_secret,
    scope="openid profile email",
    redirect_uri=REDIRECT_URI,
    code_challenge_method="S256",
)
metadata = session.get(get_well_known_url(issuer, external=True), withhold_token=True).json()
jwks = session.get(metadata["jwks_uri"], withhold_token=True).json()


def validate(id_token, access_token, nonce, max_age=None):
    claims = JsonWebToken(["ES256"]).decode(
        id_token,
        key=JsonWebKey.import_key_set(jwks),
        claims_cls=CodeIDToken,
        claims_options={"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
        claims_params={"nonce": nonce, "client_id": client_id, "access_token": access_token, "max_age": max_age},
    )
    claims.validate()
    return claims


def sign_in(expected_nonce=None, expected_state=None, **parameters):
    verifier, nonce = generate_token(48), generate_token()
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **parameters
    )
    answer = send_user_to(url)
    # Authlib's integrations of web frameworks do this; its session leaves it to the application.
    error = parse_qs(urlsplit(answer).query).get("error")
    if error:
        raise AuthlibBaseError(error[0])
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=answer,
        state=expected_state or state,
        code_verifier=verifier,
    )
    max_age = parameters.get("max_age")
    return dict(validate(token["id_token"], token["access_token"], expected_nonce or nonce, max_age))


def error_of(do):
    try:
        do()
    except AuthlibBaseError as error:
        return error.error
    return None


OpenIDProviderMetadata(metadata).validate()
result = {"silent": error_of(lambda: sign_in(prompt="none"))}
result["signed_in"] = sign_in()
result["userinfo"] = session.get(metadata["userinfo_endpoint"]).json()
before = dict(session.token)
after = session.refresh_token(metadata["token_endpoint"])
result["rotated"] = after["refresh_token"] != before["refresh_token"]
result["renewed"] = dict(validate(after["id_token"], after["access_token"], None))
result["introspected"] = session.introspect_token(
    metadata["introspection_endpoint"], token=after["access_token"], token_type_hint="access_token"
).json()
result["altered_state"] = error_of(lambda: sign_in(expected_state="another"))
result["altered_nonce"] = error_of(lambda: sign_in(expected_nonce="another"))
result["stepped_up"] = sign_in(acr_values="aal2", max_age="0")
hint = {"id_token_hint": session.token["id_token"], "post_logout_redirect_uri": SIGNED_OUT_URI}
result["signed_out_at"] = send_user_to(metadata["end_session_endpoint"] + "?" + urlencode(hint))
result["renewed_after"] = error_of(lambda: session.refresh_token(metadata["token_endpoint"]))
print(json.dumps({"result": result}), flush=True)
