// How events are shown: all of an event to administrators, to an account what concerns it. Pure.
import { type Static, Type } from 'typebox'
import { Nullable, Page, Timestamp, Uuid } from '../wire/schemas.ts'
import type { RecordedEvent } from './store.ts'

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
const AuditItem = Type.Object(
  {
    ...ABOUT,
    account_id: Nullable(Uuid),
    actor: Type.Object({ type: ActorType, id: Nullable(Type.String()) }),
    request_id: Nullable(Type.String()),
  },
  { title: 'AuditEvent' },
)
type AuditItem = Static<typeof AuditItem>
export const AuditPage = Page(AuditItem)

/** One of an account's own events, as the account sees it: not who the administrator was, nor from where. */
const ActivityItem = Type.Object({ ...ABOUT, actor_type: ActorType }, { title: 'Activity' })
type ActivityItem = Static<typeof ActivityItem>
export const ActivityPage = Page(ActivityItem)

export const toAuditItem = ({ actor_type, actor_id, ...event }: RecordedEvent): AuditItem => ({
  ...event,
  occurred_at: event.occurred_at.toISOString(),
  actor: { type: actor_type, id: actor_id },
})

/** Where someone else acted, the account does not see their address and browser. */
export const toActivityItem = (event: RecordedEvent): ActivityItem => {
  const byStaff = event.actor_type === 'administrator' || event.actor_type === 'command_line'
  return {
    id: event.id,
    occurred_at: event.occurred_at.toISOString(),
    event: event.event,
    outcome: event.outcome,
    actor_type: event.actor_type,
    client_id: event.client_id,
    session_id: event.session_id,
    ip: byStaff ? null : event.ip,
    user_agent: byStaff ? null : event.user_agent,
    details: event.details,
  }
}
