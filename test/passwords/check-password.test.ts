import t from 'tap'
import {
  minimumPasswordLength,
  namesOfAccount,
  namesOfService,
  type PasswordHolder,
  type PasswordRules,
  passwordFault,
} from '../../src/passwords/check-password.ts'
import { loadCommonPasswords } from '../../src/passwords/common-passwords.ts'
import { DEFAULT_POLICY } from '../../src/policy/policy.ts'

const passwordProblem = (password: string, rules: PasswordRules): string | null =>
  passwordFault(password, rules)?.text ?? null

const HOLDER: PasswordHolder = {
  username: 'ada',
  email: 'countess@example.org',
  displayName: 'Ada King Lovelace',
  roles: ['user'],
  enrolledAuthenticators: 0,
}

const rules = async (minimumLength = 8) => ({
  minimumLength,
  accountNames: namesOfAccount(HOLDER),
  serviceNames: namesOfService('https://login.example.com', {
    ...DEFAULT_POLICY,
    totp: { ...DEFAULT_POLICY.totp, issuer: 'Example Works' },
  }),
  isCommon: await loadCommonPasswords(),
})

t.test('a password is at least 15 code points where it is the only factor, 8 where it is not', async (t) => {
  const policy = { ...DEFAULT_POLICY, required_roles: ['admin'] }
  t.equal(minimumPasswordLength(policy, HOLDER), 15)
  t.equal(minimumPasswordLength(policy, { ...HOLDER, roles: ['admin'] }), 8)
  t.equal(minimumPasswordLength(policy, { ...HOLDER, enrolledAuthenticators: 1 }), 8)
  t.equal(minimumPasswordLength({ ...policy, required_for_all: true }, HOLDER), 8)
  const off = { ...policy, enabled: false }
  t.equal(minimumPasswordLength(off, { ...HOLDER, roles: ['admin'], enrolledAuthenticators: 1 }), 15)
})

t.test('length is counted in code points after NFC, from the minimum up to 128', async (t) => {
  const checked = await rules(15)
  t.match(passwordProblem('quod erat demo', checked), /at least 15/)
  t.equal(passwordProblem('quod erat demon', checked), null)
  // Two UTF-16 units each.
  t.equal(passwordProblem('🦉🐍🐎🦀🐚🐫🐬🐳🐙🦜🦚🦢🐝🦎🐢', checked), null)
  t.match(passwordProblem('🦉🐍🐎🦀🐚🐫🐬🐳🐙🦜', checked), /at least 15/)
  // Fourteen letters and a combining accent: one code point fewer once composed.
  t.match(passwordProblem('quod erat dème'.normalize('NFD'), checked), /at least 15/)

  const long = 'correct horse battery staple '.repeat(5)
  t.equal(passwordProblem(long.slice(0, 128), { ...checked, isCommon: () => false }), null)
  t.match(passwordProblem(long.slice(0, 129), checked), /at most 128/)
})

t.test('any composition of characters is accepted', async (t) => {
  const checked = await rules()
  for (const password of ['quod erat demonstrandum', 'ΓΝΩΘΙ ΣΕΑΥΤΟΝ', '83749105826401', 'zxhqwvkj'])
    t.equal(passwordProblem(password, checked), null, password)
})

const REFUSED: [why: RegExp, ...passwords: string[]][] = [
  [/most common/, 'password', 'Password', 'PASSWORD1', 'sunshine2024', '1234567890', 'qwertyqwerty'],
  [/most common/, 'passwordpassword12', '123456789012345', 'iloveyou98765432'],
  [/account's own name/, 'adaadaada', 'Ada12345678', 'ADAADAADA2024', 'countess', 'Countess1815'],
  [/account's own name/, 'lovelace', 'LovelaceLovelace', 'Ada King Lovelace', 'adakinglovelace7'],
  [/account's own name/, 'countess@example.org', 'countess@example.org1'],
  [/service's name/, 'postern2026', 'PosternPostern', 'login.example.com', 'ExampleWorks', 'example works 1'],
  [/only repeats/, 'aaaaaaaaaaaaaaaa', 'ÿþÿþÿþÿþ', '☃☃☃☃☃☃☃☃', 'q]_q]_q]_q'],
  [/half a character/, 'a password \ud800 with half an emoji'],
]

t.test('a password that an attacker tries first is refused, and the refusal says why', async (t) => {
  const checked = await rules()
  for (const [why, ...passwords] of REFUSED)
    for (const password of passwords) t.match(passwordProblem(password, checked), why, password)
})

t.test('a password that merely contains a name or a common word is not refused for it', async (t) => {
  const checked = await rules()
  for (const password of [
    'ada met a postern gate',
    'my password is longer',
    'lovelace & babbage',
    'k8201938475',
  ])
    t.equal(passwordProblem(password, checked), null, password)
})

t.test('an account without names is checked all the same', async (t) => {
  const nameless = { ...HOLDER, username: null, email: null, displayName: null }
  t.same(namesOfAccount(nameless), [])
  t.same(namesOfAccount({ ...nameless, displayName: 'X Æ' }), ['x æ'])
})
