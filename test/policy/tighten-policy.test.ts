import t from 'tap'
import { DEFAULT_MEMBERS } from '../../src/clients/members.ts'
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts'
import { tightenPolicy } from '../../src/policy/tighten-policy.ts'

type Own = Partial<Parameters<typeof tightenPolicy>[1]>

const CASES: [name: string, policy: Partial<Policy>, own: Own, expected: Partial<Policy>][] = [
  ['nothing named changes nothing', {}, {}, {}],
  ['required of all', {}, { policy: { required_for_all: true } }, { required_for_all: true }],
  [
    'required, so that there are no days to enroll in',
    { enrollment_grace_days: 30 },
    { policy: { required_for_all: true } },
    { required_for_all: true, enrollment_grace_days: 0 },
  ],
  ['an acr that takes a second factor', {}, { requiredAcr: 'aal2' }, { required_for_all: true }],
  ['an acr that takes none', {}, { requiredAcr: 'aal1' }, {}],
  [
    'roles are added',
    { required_roles: ['admin'] },
    { policy: { required_roles: ['clerk', 'admin'] } },
    { required_roles: ['admin', 'clerk'] },
  ],
  ['no roles take none away', { required_roles: ['admin'] }, { policy: { required_roles: [] } }, {}],
  ['methods are taken away', {}, { policy: { allowed_methods: ['totp'] } }, { allowed_methods: ['totp'] }],
  [
    'methods are not given back',
    { allowed_methods: ['totp'] },
    { policy: { allowed_methods: ['totp', 'recovery_code'] } },
    { allowed_methods: ['totp'] },
  ],
  [
    'shorter limits hold',
    {},
    { policy: { second_factor_max_age: 60, session_idle: 61, session_absolute: 62 } },
    { second_factor_max_age: 60, session_idle: 61, session_absolute: 62 },
  ],
  [
    'longer limits do not',
    {},
    { policy: { second_factor_max_age: 2_000_000, session_idle: 2_000_000, session_absolute: 2_000_000 } },
    {},
  ],
  [
    'a disabled policy stays disabled',
    { enabled: false },
    { policy: { session_idle: 60 } },
    { session_idle: 60 },
  ],
  [
    'what a client requires holds while the policy is disabled, and no more than that',
    { enabled: false, required_for_all: true, required_roles: ['admin'] },
    { policy: { required_roles: ['clerk'] } },
    { enabled: true, required_for_all: false, required_roles: ['clerk'] },
  ],
]

for (const [name, changed, own, expected] of CASES) {
  t.test(name, async (t) => {
    const policy = { ...DEFAULT_POLICY, ...changed }
    t.same(tightenPolicy(policy, { ...DEFAULT_MEMBERS, ...own }), { ...policy, ...expected })
  })
}
