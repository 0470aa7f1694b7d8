"""Verifies our tokens with PyJWT, and issues tokens for our tests to verify.

Reads one JSON object from standard input, {"verify": [...], "issue": [...]}, and writes
{"verified": [...], "issued": {"jwks": ..., "tokens": ...}} to standard output.
"""

import base64
import json
import os
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

KNOWN = jwt.algorithms.get_default_algorithms()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def verify(case):
    """Verifies {alg, token, jwks or secret, issuer, audience}; returns {claims} or {error}."""
    try:
        if "jwks" in case:
            keys = jwt.PyJWKSet.from_dict(case["jwks"]).keys
            kid = jwt.get_unverified_header(case["token"])["kid"]
            key = next(key.key for key in keys if key.key_id == kid)
        else:
            key = decoded(case["secret"])
        claims = jwt.decode(
            case["token"],
            key,
            algorithms=[case["alg"]],
            issuer=case["issuer"],
            audience=case["audience"],
        )
        return {"claims": claims}
    except (jwt.PyJWTError, StopIteration) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def number(value, length=None):
    length = length or (value.bit_length() + 7) // 8
    return encoded(value.to_bytes(length, "big"))


def generate(alg):
    """Generates a key; returns the signing key and the JWK of the verifying key."""
    if alg.startswith("HS"):
        secret = os.urandom(int(alg[2:]) // 8)
        return secret, {"kty": "oct", "k": encoded(secret)}
    if alg.startswith("ES"):
        curve, length, crv = {
            "ES256": (ec.SECP256R1(), 32, "P-256"),
            "ES384": (ec.SECP384R1(), 48, "P-384"),
            "ES512": (ec.SECP521R1(), 66, "P-521"),
        }[alg]
        private = ec.generate_private_key(curve)
        point = private.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": crv}
        return private, {**jwk, "x": number(point.x, length), "y": number(point.y, length)}
    if alg.startswith("Ed"):
        private = ed25519.Ed25519PrivateKey.generate()
        raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        x = encoded(private.public_key().public_bytes(*raw))
        return private, {"kty": "OKP", "crv": "Ed25519", "x": x}
    private = rsa.generate_private_key(65537, 2048)
    numbers = private.public_key().public_numbers()
    return private, {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}


def issue(algorithms, claims):
    """Generates a key for each algorithm, with its name as the `kid`, and issues a token with each."""
    keys, tokens = [], {}
    for alg in algorithms:
        if alg not in KNOWN:
            continue
        private, jwk = generate(alg)
        keys.append({**jwk, "alg": alg, "kid": alg, "use": "sig"})
        tokens[alg] = jwt.encode(claims, private, algorithm=alg, headers={"kid": alg})
    return {"jwks": {"keys": keys}, "tokens": tokens}


def main():
    batch = json.load(sys.stdin)
    answer = {
        "verified": [verify(case) for case in batch["verify"]],
        "issued": issue(batch["issue"], batch["claims"]),
    }
    json.dump(answer, sys.stdout)


main()
