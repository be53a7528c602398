import t from 'tap'
import { isOutdated, isVerifiable, readPasswordHash } from '../../src/passwords/password-hash.ts'
import { createPasswordHasher } from '../../src/passwords/password-hasher.ts'
import { verifyPassword } from '../../src/passwords/verify-password.ts'

const PASSWORD = 'pâssword of old'

// Made apart from the code under test. PBKDF2 and scrypt by Python, e.g.
//   base64(hashlib.pbkdf2_hmac('sha256', 'pâssword of old'.encode(), b'kR3sDj0aQv8L', 260000))
//   hashlib.scrypt(…, salt=b'G7bTq0uYc1Zd9LxE', n=32768, r=8, p=1, maxmem=…).hex()
// with the salt of bytes fa…ff 00…09 where it is in base64; bcrypt by crypt(3) of libxcrypt, through Perl, over
// hashlib.sha256(…).hexdigest() for bcrypt_sha256.
const IMPORTED = {
  'Django PBKDF2': 'pbkdf2_sha256$260000$kR3sDj0aQv8L$7it+/xq0M2/WQ3ETKyO/gp+9QnMWCeSPb+GraXIk/iA=',
  'Django PBKDF2 with SHA-1': 'pbkdf2_sha1$1000$kR3sDj0aQv8L$3Q0yUHfpzbkGVVzdxeItI+7Phgo=',
  'Werkzeug PBKDF2':
    'pbkdf2:sha256:260000$8kPq2XwZ$a292b3aa3aca9666d8b620d8c1fbc52a33e85ebdd0440d02f56ce8594091cf93',
  'Werkzeug PBKDF2 with SHA-512':
    'pbkdf2:sha512:1000$8kPq2XwZ$2ce676cd764a63190096fec8ce71b0a06ccfd3ed3b9cf5dd135a658b87f9fc59f3f24513c16a344f18616e23d69d3bb4c9398d76685c2ef3347a1218702ce8b2',
  'Passlib PBKDF2': '$pbkdf2-sha256$29000$.vv8/f7/AAECAwQFBgcICQ$wb72bQGxUX/sBqqpYqfyVTmz7a7stLE.ikbt7hr/a2Q',
  'Passlib PBKDF2 with SHA-512':
    '$pbkdf2-sha512$25000$.vv8/f7/AAECAwQFBgcICQ$ZZ.5biGQdOf6DUJcrHqfuibd6I/LFx.zzf/bfNYSkdCPqXIPf3r8egDcFAxUHphR0DP2BeiUGCG9Zsu8Fdf4ug',
  'PHC PBKDF2':
    '$pbkdf2-sha256$i=10000,l=32$+vv8/f7/AAECAwQFBgcICQ$blGznAZdx520ZrnWUcTgy77MFVX7Kiqlal7luozX3Hs',
  'Werkzeug scrypt':
    'scrypt:32768:8:1$G7bTq0uYc1Zd9LxE$0f9e0eae40bcf6b5a9bce771b3a32cf2f3f1b5f6ddc371e3911672d7add0596e390df6d400c301e0d0e104af7defba26e35ebb5d64e65a15ba3a1af1dff6a269',
  'PHC scrypt': '$scrypt$ln=14,r=8,p=1$+vv8/f7/AAECAwQFBgcICQ$jRwGpW9IEp+5Cl3+3sM/1T/GJrpgoGHsLvpxhvODiGo',
  'bcrypt 2a': '$2a$06$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K',
  'bcrypt 2b': '$2b$06$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K',
  'bcrypt 2y': '$2y$06$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K',
  'Django bcrypt': 'bcrypt$$2b$06$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K',
  'Django bcrypt over SHA-256': 'bcrypt_sha256$$2b$06$abcdefghijklmnopqrstuuiUYPREtIm8azLJQQxA0H9jSW/qMTnmi',
}

// From the test program of Argon2's reference implementation (phc-winner-argon2, src/test.c).
const ARGON2_REFERENCE = {
  Argon2i: '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
  Argon2id: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
}

const passwords = createPasswordHasher()
t.teardown(() => passwords.close())

for (const [form, hash] of Object.entries(IMPORTED)) {
  t.test(`a hash of ${form} verifies, and is to be made anew`, async (t) => {
    t.same(await verifyPassword(passwords, hash, PASSWORD), { ok: true, outdated: true })
    // Composed otherwise, as another system's keyboard sends it.
    t.same(await verifyPassword(passwords, hash, PASSWORD.normalize('NFD')), { ok: true, outdated: true })
    t.same(await verifyPassword(passwords, hash, `${PASSWORD} `), { ok: false, outdated: false })
  })
}

t.test('Argon2id verifies, also as Django writes it, and is made anew where it is weaker', async (t) => {
  const { Argon2i, Argon2id } = ARGON2_REFERENCE
  t.same(await verifyPassword(passwords, Argon2id, 'password'), { ok: true, outdated: false })
  t.same(await verifyPassword(passwords, `argon2${Argon2id}`, 'password'), { ok: true, outdated: false })
  t.same(await verifyPassword(passwords, Argon2i, 'password'), { ok: true, outdated: true })
  t.same(await verifyPassword(passwords, Argon2i, 'Password'), { ok: false, outdated: false })

  const outdated = (parameters: string) => {
    const hash = readPasswordHash(Argon2id.replace('m=65536,t=2,p=1', parameters))
    return hash && isOutdated(hash)
  }
  t.equal(outdated('m=19456,t=2,p=1'), false)
  t.equal(outdated('m=19455,t=2,p=1'), true)
  t.equal(outdated('m=19456,t=1,p=1'), true)
})

t.test('what Postern hashes is its own Argon2id, each with its own salt, and verifies', async (t) => {
  const [one, other] = await Promise.all([passwords.hash(PASSWORD), passwords.hash(PASSWORD)])
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.not(one, other)
  t.same(await verifyPassword(passwords, one, PASSWORD.normalize('NFD')), { ok: true, outdated: false })
})

t.test('every code point of a long password counts', async (t) => {
  const long = 'x'.repeat(127)
  const hash = await passwords.hash(`${long}y`)
  t.equal((await verifyPassword(passwords, hash, `${long}y`)).ok, true)
  t.equal((await verifyPassword(passwords, hash, `${long}z`)).ok, false)
})

const KEY = Buffer.alloc(32, 7)
const UNSUPPORTED = {
  'nothing at all': '',
  'the password itself': PASSWORD,
  'another scheme': '$1$abcdefgh$0123456789abcdefghijkl',
  'a disabled account of Django': '!kR3sDj0aQv8L',
  'Argon2 of an older version': '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj',
  'Argon2 with a gigabyte': ARGON2_REFERENCE.Argon2id.replace('m=65536', 'm=1048576'),
  'Argon2 with a thousand passes': ARGON2_REFERENCE.Argon2id.replace('t=2', 't=1000'),
  'Argon2 with a hundred lanes': ARGON2_REFERENCE.Argon2id.replace('p=1', 'p=100'),
  'Argon2 cut short': ARGON2_REFERENCE.Argon2id.slice(0, -30),
  'bcrypt of cost 31': IMPORTED['bcrypt 2b'].replace('$06$', '$31$'),
  'bcrypt of cost 3': IMPORTED['bcrypt 2b'].replace('$06$', '$03$'),
  'bcrypt cut short': IMPORTED['bcrypt 2b'].slice(0, -1),
  'PBKDF2 with a billion iterations': IMPORTED['Django PBKDF2'].replace('260000', '99999999'),
  'PBKDF2 with none': IMPORTED['Django PBKDF2'].replace('260000', '0'),
  'PBKDF2 with an unknown digest': IMPORTED['Werkzeug PBKDF2'].replace('sha256', 'md5'),
  'PBKDF2 with a key that anything matches': 'pbkdf2:sha256:1000$8kPq2XwZ$',
  'PBKDF2 with a key of one byte': 'pbkdf2:sha256:1000$8kPq2XwZ$a2',
  'scrypt of a gigabyte': `$scrypt$ln=20,r=8,p=1$c2FsdHNhbHQ$${KEY.toString('base64').replace('=', '')}`,
  'scrypt with many lanes': `scrypt:1024:8:16$salt$${KEY.toString('hex')}`,
  'scrypt whose cost is no power of two': `scrypt:1000:8:1$salt$${KEY.toString('hex')}`,
  'scrypt of cost one': `scrypt:1:8:1$salt$${KEY.toString('hex')}`,
  'scrypt with a key of one byte': 'scrypt:1024:8:1$salt$a2',
  'more text than any hash has': `pbkdf2:sha256:1000$8kPq2XwZ$${'a2'.repeat(1000)}`,
}

t.test('a form or a cost that is not supported verifies nothing', async (t) => {
  for (const [what, hash] of Object.entries(UNSUPPORTED)) {
    t.equal(isVerifiable(hash), false, what)
    t.equal(await passwords.verify(hash, PASSWORD), false, what)
  }
  t.same(await verifyPassword(passwords, 'pbkdf2:sha256:1000$8kPq2XwZ$', ''), { ok: false, outdated: false })
})

t.test('no account, no password and an unreadable hash cost the work of a wrong password', async (t) => {
  const verified: string[] = []
  const counting = {
    ...passwords,
    verify: (stored: string, password: string) => {
      verified.push(stored)
      return passwords.verify(stored, password)
    },
  }
  const hash = await passwords.hash(PASSWORD)
  for (const stored of [hash, null, 'unreadable'])
    t.same(await verifyPassword(counting, stored, 'wrong'), { ok: false, outdated: false })
  t.equal(verified.length, 3)
  for (const stored of verified) t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})
