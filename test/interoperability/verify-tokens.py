"""Verifies tokens as PyJWT's documentation shows, with the keys of Postern's JWKS.

Arguments: issuer, JWKS URI. Reads lines of JSON, each with a token, its audience and its algorithm; prints for each its claims, or
what is wrong with it. Driven by verifiers.test.ts.
"""

import json
import sys

import jwt

issuer, jwks_uri = sys.argv[1:]
client = jwt.PyJWKClient(jwks_uri)

for line in sys.stdin:
    given = json.loads(line)
    try:
        key = client.get_signing_key_from_jwt(given["token"])
        claims = jwt.decode(
            given["token"],
            key.key,
            algorithms=[given["algorithm"]],
            audience=given["audience"],
            issuer=issuer,
            options={"require": ["exp", "iat", "sub"]},
        )
        print(json.dumps({"claims": claims}), flush=True)
    except jwt.PyJWTError as error:
        print(json.dumps({"refused": type(error).__name__}), flush=True)
