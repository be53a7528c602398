// How events are shown: all of an event to administrators, to an account what concerns it.
import { type Static, Type } from 'typebox'
import { Nullable, Page, Timestamp, Uuid } from '../wire/schemas.ts'

const Outcome = Type.Union([Type.Literal('success'), Type.Literal('failure')])

const ActorType = Type.Union(
  [
    Type.Literal('account'),
    Type.Literal('administrator'),
    Type.Literal('client'),
    Type.Literal('command_line'),
    Type.Literal('anonymous'),
    Type.Literal('postern'),
  ],
  { description: 'Who acted.' },
)

const Details = Type.Object(
  {},
  { additionalProperties: true, description: 'Methods, reasons and changed members; never a secret.' },
)

const ABOUT = {
  id: Uuid,
  occurred_at: Timestamp,
  event: Type.String({ examples: ['challenge.passed'] }),
  outcome: Outcome,
  client_id: Nullable(Type.String()),
  session_id: Nullable(Uuid),
  ip: Nullable(Type.String({ examples: ['192.0.2.7'] })),
  user_agent: Nullable(Type.String()),
  details: Details,
}

/** One event, as administrators see it. */
export const AuditItem = Type.Object(
  {
    ...ABOUT,
    account_id: Nullable(Uuid),
    actor: Type.Object({ type: ActorType, id: Nullable(Type.String()) }),
    request_id: Nullable(Type.String()),
  },
  { title: 'AuditEvent' },
)
export type AuditItem = Static<typeof AuditItem>
export const AuditPage = Page(AuditItem)

/** One of an account's own events, as the account sees it: not who the administrator was, nor from where. */
export const ActivityItem = Type.Object({ ...ABOUT, actor_type: ActorType }, { title: 'Activity' })
export type ActivityItem = Static<typeof ActivityItem>
export const ActivityPage = Page(ActivityItem)
