import { hash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'
import t from 'tap'
import { readDpopProof } from '../../src/tokens/dpop-proof.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const SECONDS = NOW.getTime() / 1000
const URI = 'https://login.example/oauth2/token'
const REQUEST = { method: 'POST', uri: URI, accessToken: null, now: NOW }
const CLAIMS = { jti: 'one', htm: 'POST', htu: URI, iat: SECONDS }

const keyOf = async (alg: string) => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, privateKey, jwk: await exportJWK(publicKey), secretJwk: await exportJWK(privateKey) }
}
type Key = Awaited<ReturnType<typeof keyOf>>

const sign = (key: Key, claims: object, header: object = {}): Promise<string> => {
  const protectedHeader = { alg: key.alg, typ: 'dpop+jwt', jwk: key.jwk, ...header } as JWTHeaderParameters
  return new SignJWT({ ...claims }).setProtectedHeader(protectedHeader).sign(key.privateKey)
}

const INVALID = { code: 'invalid_dpop_proof', status: 400 }

t.test('a proof of each algorithm is accepted, and names the thumbprint of its key', async (t) => {
  for (const alg of ['ES256', 'EdDSA', 'Ed25519', 'PS256']) {
    const key = await keyOf(alg)
    const proof = await readDpopProof(await sign(key, { ...CLAIMS, nonce: 'n' }), REQUEST)
    t.same(proof, { jkt: await calculateJwkThumbprint(key.jwk), jti: 'one', nonce: 'n' }, alg)
  }
})

t.test('the header of a proof is as RFC 9449 4.2 wants it', async (t) => {
  const key = await keyOf('ES256')
  const other = await keyOf('ES256')
  for (const [what, header] of Object.entries({
    'another type': { typ: 'JWT' },
    'no type': { typ: undefined },
    'no key': { jwk: undefined },
    'a private key': { jwk: key.secretJwk },
    'a symmetric key': { jwk: { kty: 'oct', k: 'AAAA' } },
    'the key of somebody else': { jwk: other.jwk },
    'a key for another algorithm': { jwk: { ...key.jwk, alg: 'ES384' } },
    'an extension that is not understood': { crit: ['x'], x: 1 },
  })) {
    const proof = sign(key, CLAIMS, header).catch(() => '')
    await t.rejects(readDpopProof(await proof, REQUEST), INVALID, what)
  }
  for (const alg of ['RS256', 'ES512']) {
    const refused = await keyOf(alg)
    await t.rejects(readDpopProof(await sign(refused, CLAIMS), REQUEST), INVALID, alg)
  }
  const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: key.jwk })).toString('base64url')}.${Buffer.from(JSON.stringify(CLAIMS)).toString('base64url')}.`
  const proof = await sign(key, CLAIMS)
  for (const text of ['', 'x', unsigned, `${proof}, ${proof}`, `${proof.slice(0, -4)}AAAA`, 'x'.repeat(5000)])
    await t.rejects(readDpopProof(text, REQUEST), INVALID, text.slice(0, 20))
})

t.test('the claims of a proof are about this request, and now', async (t) => {
  const key = await keyOf('ES256')
  for (const [what, claims] of Object.entries({
    'no id': { jti: undefined },
    'an empty id': { jti: '' },
    'an id that is no text': { jti: 1 },
    'a long id': { jti: 'x'.repeat(257) },
    'another method': { htm: 'GET' },
    'a method in small letters': { htm: 'post' },
    'another URI': { htu: 'https://login.example/oauth2/par' },
    'another host': { htu: 'https://evil.example/oauth2/token' },
    'another scheme': { htu: 'http://login.example/oauth2/token' },
    'no URI': { htu: undefined },
    'half of a URI': { htu: '/oauth2/token' },
    'no time': { iat: undefined },
    'a time that is a text': { iat: String(SECONDS) },
    'a time that is past': { iat: SECONDS - 61 },
    'a time to come': { iat: SECONDS + 61 },
    'expired by its own words': { exp: SECONDS - 1 },
    'not valid yet by its own words': { nbf: SECONDS + 1 },
    'a nonce that is no text': { nonce: 1 },
  })) {
    await t.rejects(readDpopProof(await sign(key, { ...CLAIMS, ...claims }), REQUEST), INVALID, what)
  }
  for (const claims of [
    { htu: `${URI}?a=b#c` },
    { htu: 'HTTPS://LOGIN.example:443/oauth2/../oauth2/token' },
    { iat: SECONDS - 59 },
    { iat: SECONDS + 10 },
  ]) {
    const proof = await sign(key, { ...CLAIMS, ...claims })
    t.match(await readDpopProof(proof, REQUEST), { jti: 'one', nonce: null }, JSON.stringify(claims))
  }
})

t.test('with an access token, a proof names that token', async (t) => {
  const key = await keyOf('ES256')
  const request = { ...REQUEST, accessToken: 'token' }
  const ath = hash('sha256', 'token', 'base64url')
  t.match(await readDpopProof(await sign(key, { ...CLAIMS, ath }), request), { jti: 'one' })
  for (const claims of [{}, { ath: hash('sha256', 'another', 'base64url') }, { ath: 1 }]) {
    await t.rejects(readDpopProof(await sign(key, { ...CLAIMS, ...claims }), request), INVALID)
  }
})
