// Signs and verifies Postern's JWTs with one signing key, by @fastify/jwt. The plugin decorates a Fastify instance and
// takes one key, so each signing key has an instance of its own that serves no requests. So minting needs no HTTP
// application, and a token is verified only by the key that its `kid` names.
import { createPublicKey } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import type { SigningKey } from './select-signing-keys.ts'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    namespaces: 'access' | 'id' | 'logout' | 'introspection'
  }
}

export type KeyJwt = {
  /** A signed access token (RFC 9068): `typ` `at+jwt`. */
  signAccess(claims: object): string
  /** A signed ID token: `typ` `JWT`. */
  signId(claims: object): string
  /** A signed logout token (OpenID Connect Back-Channel Logout 1.0 2.4): `typ` `logout+jwt`. */
  signLogout(claims: object): string
  /** A signed answer of introspection (RFC 9701 5): `typ` `token-introspection+jwt`. */
  signIntrospection(claims: object): string
  /**
   * The payload of an access token that this key has signed. The caller compares its lifetime, with the application's
   * clock, and whom it is for. @throws {Error} of @fastify/jwt, for anything else.
   */
  verifyAccess(token: string): Record<string, unknown>
  /** The payload of an ID token that this key has signed, however old. @throws {Error} of @fastify/jwt, for anything else. */
  verifyId(token: string): Record<string, unknown>
  /** The header of any JWT; nothing is verified. @throws {Error} of @fastify/jwt, where it is not a JWT. */
  readHeader(token: string): Record<string, unknown>
}

const PEM = { format: 'pem' } as const

/** Opens a key. `algorithm` and `typ` are named, and a `crit` that is not known here (none is) is refused. */
export const openKeyJwt = async (
  { kid, algorithm, privateKey }: Pick<SigningKey, 'kid' | 'algorithm' | 'privateKey'>,
  issuer: string,
): Promise<KeyJwt> => {
  const secret = {
    private: privateKey.export({ ...PEM, type: 'pkcs8' }),
    public: createPublicKey(privateKey).export({ ...PEM, type: 'spki' }),
  }
  const bare = Fastify()
  await bare.register(fastifyJwt, {
    namespace: 'access',
    secret,
    sign: { algorithm, kid, header: { alg: algorithm, typ: 'at+jwt' } },
    verify: {
      algorithms: [algorithm],
      checkTyp: 'at+jwt',
      allowedIss: issuer,
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'client_id', 'jti'],
      ignoreExpiration: true,
      cache: false,
    },
  })
  await bare.register(fastifyJwt, {
    namespace: 'id',
    secret,
    sign: { algorithm, kid },
    verify: {
      algorithms: [algorithm],
      checkTyp: 'JWT',
      allowedIss: issuer,
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
      ignoreExpiration: true,
      cache: false,
    },
  })
  await bare.register(fastifyJwt, {
    namespace: 'logout',
    secret,
    sign: { algorithm, kid, header: { alg: algorithm, typ: 'logout+jwt' } },
    verify: { algorithms: [algorithm], checkTyp: 'logout+jwt', cache: false },
  })
  await bare.register(fastifyJwt, {
    namespace: 'introspection',
    secret,
    sign: { algorithm, kid, header: { alg: algorithm, typ: 'token-introspection+jwt' } },
    verify: { algorithms: [algorithm], checkTyp: 'token-introspection+jwt', cache: false },
  })
  const { access, id, logout, introspection } = bare.jwt
  return {
    signAccess: (claims) => access.sign(claims),
    signId: (claims) => id.sign(claims),
    signLogout: (claims) => logout.sign(claims),
    signIntrospection: (claims) => introspection.sign(claims),
    readHeader: (token) =>
      access.decode<{ header: Record<string, unknown> }>(token, { complete: true })?.header ?? {},
    verifyId: (token) => id.verify<Record<string, unknown>>(token),
    verifyAccess: (token) => access.verify<Record<string, unknown>>(token),
  }
}
