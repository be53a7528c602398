// What a client may make stricter of the policy, and never looser. Pure.
import { Type } from 'typebox'
import { Strict } from '../wire/schemas.ts'
import { Policy } from './policy.ts'

const { required_roles, allowed_methods, second_factor_max_age, session_idle, session_absolute } =
  Policy.properties

/** Members of the policy that a client names to tighten them; `tightenPolicy` has the rule of each. */
export const ClientPolicy = Strict(
  {
    required_for_all: Type.Optional(
      Type.Literal(true, { description: 'Each of its sign-ins must pass a second factor.' }),
    ),
    required_roles: Type.Optional(required_roles),
    allowed_methods: Type.Optional(allowed_methods),
    second_factor_max_age: Type.Optional(second_factor_max_age),
    session_idle: Type.Optional(session_idle),
    session_absolute: Type.Optional(session_absolute),
  },
  { description: 'What it makes stricter of the policy; what is looser there has no effect.' },
)
