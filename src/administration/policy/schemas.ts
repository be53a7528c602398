// The policy over HTTP, and the question why it decides as it does. Pure. A policy has the same names on the wire and in
// the domain, because they are the names of its settings.
import { type Static, Type } from 'typebox'
import { PolicyPatch } from '../../policy/merge-policy.ts'
import { DEFAULT_POLICY, Policy } from '../../policy/policy.ts'
import { Nullable, PlainText, Strict, Uuid } from '../../wire/schemas.ts'
import type { Explained, Question } from './explain-policy.ts'

export const PolicyAnswer = Type.Object(Policy.properties, { title: 'Policy', examples: [DEFAULT_POLICY] })

export const ExplainBody = Strict(
  {
    username: PlainText({
      minLength: 1,
      maxLength: 255,
      description: 'A user name, email address or subject.',
    }),
    client_id: Type.Optional(
      PlainText({ minLength: 1, maxLength: 128, description: 'Whose external subject it may be.' }),
    ),
    policy: Type.Optional(PolicyPatch),
  },
  { examples: [{ username: 'ada', policy: { required_for_all: true } }] },
)

const EXPLANATION = {
  decision: Type.Enum(['allow', 'challenge', 'enroll', 'deny']),
  methods: Type.Array(Type.String(), { description: 'What the policy admits, where one is asked for.' }),
  reasons: Type.Array(Type.String(), { examples: [['role_requires_second_factor']] }),
}

export const ExplainedAnswer = Type.Object({
  account_id: Uuid,
  ...EXPLANATION,
  proposed: Nullable(Type.Object(EXPLANATION)),
})

export const toQuestion = (body: Static<typeof ExplainBody>): Question => ({
  username: body.username,
  clientId: body.client_id ?? null,
  proposed: body.policy ?? null,
})

export const toExplainedAnswer = ({
  accountId,
  current,
  proposed,
}: Explained): Static<typeof ExplainedAnswer> => ({ account_id: accountId, ...current, proposed })
