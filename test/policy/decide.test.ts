import t from 'tap'
import { type DecisionAccount, decide, type Proven } from '../../src/policy/decide.ts'
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const seconds = (ago: number) => NOW.getTime() / 1000 - ago

type Case = {
  name: string
  policy?: Partial<Policy>
  account?: Partial<DecisionAccount>
  proven?: Partial<Proven>
  kind: ReturnType<typeof decide>['kind']
  reasons: string[]
}

const enrolled = { enrolledAuthenticators: 1 }
const admin = { roles: ['admin'] }

const CASES: Case[] = [
  { name: 'nobody is made to', kind: 'allow', reasons: ['second_factor_not_required'] },
  {
    name: 'a disabled account',
    account: { status: 'disabled' },
    kind: 'deny',
    reasons: ['account_disabled'],
  },
  {
    name: 'a disabled account, where the policy is off',
    policy: { enabled: false },
    account: { status: 'disabled' },
    kind: 'deny',
    reasons: ['account_disabled'],
  },
  {
    name: 'a role without a factor',
    account: admin,
    kind: 'enroll',
    reasons: ['role_requires_second_factor'],
  },
  {
    name: 'everyone and a role',
    policy: { required_for_all: true },
    account: admin,
    kind: 'enroll',
    reasons: ['everyone_requires_second_factor', 'role_requires_second_factor'],
  },
  {
    name: 'whoever enrolled is asked',
    account: enrolled,
    kind: 'challenge',
    reasons: ['second_factor_enrolled'],
  },
  {
    name: 'a role with a factor',
    account: { ...admin, ...enrolled },
    kind: 'challenge',
    reasons: ['role_requires_second_factor'],
  },
  {
    name: 'a fresh second factor',
    account: { ...admin, ...enrolled },
    proven: { secondFactorAt: seconds(28_799) },
    kind: 'allow',
    reasons: ['second_factor_fresh'],
  },
  {
    name: 'a stale second factor',
    account: { ...admin, ...enrolled },
    proven: { secondFactorAt: seconds(28_800) },
    kind: 'challenge',
    reasons: ['role_requires_second_factor', 'second_factor_stale'],
  },
  {
    name: 'a stale second factor that no rule requires',
    account: enrolled,
    proven: { secondFactorAt: seconds(28_800) },
    kind: 'challenge',
    reasons: ['second_factor_enrolled', 'second_factor_stale'],
  },
  {
    name: 'a factor passed before it was taken away does not count',
    account: admin,
    proven: { secondFactorAt: seconds(1) },
    kind: 'enroll',
    reasons: ['role_requires_second_factor'],
  },
  {
    name: 'the policy is off',
    policy: { enabled: false },
    account: { ...admin, ...enrolled },
    kind: 'allow',
    reasons: ['policy_disabled'],
  },
  {
    name: 'a new account in its grace days',
    policy: { enrollment_grace_days: 2 },
    account: { ...admin, createdAt: new Date('2026-11-20T12:00:00Z') },
    kind: 'allow',
    reasons: ['role_requires_second_factor', 'enrollment_grace'],
  },
  {
    name: 'its grace days are over',
    policy: { enrollment_grace_days: 1 },
    account: { ...admin, createdAt: new Date('2026-11-20T12:00:00Z') },
    kind: 'enroll',
    reasons: ['role_requires_second_factor'],
  },
  {
    name: 'grace does not take an enrolled factor away',
    policy: { enrollment_grace_days: 90 },
    account: { ...admin, ...enrolled, createdAt: NOW },
    kind: 'challenge',
    reasons: ['role_requires_second_factor'],
  },
]

for (const { name, policy, account, proven, kind, reasons } of CASES) {
  t.test(`${name}: ${kind}`, async (t) => {
    const decision = decide(
      { ...DEFAULT_POLICY, ...policy },
      { status: 'active', roles: ['user'], enrolledAuthenticators: 0, createdAt: new Date(0), ...account },
      { secondFactorAt: null, ...proven },
      NOW,
    )
    t.equal(decision.kind, kind)
    t.same(decision.reasons, reasons)
  })
}
