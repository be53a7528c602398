// What PostgreSQL's errors say, by their SQLSTATE. Pure.
import pg from 'pg'

/** Classes that say "away or overloaded", not "wrong": connection, resources, operator, canceled. */
const AWAY = /^(08|53|57|58)/

const GIVEN_UP = /^(40001|40P01)$/

const QUERY_CANCELED = '57014'

const codeOf = (error: unknown): string => (error instanceof pg.DatabaseError ? (error.code ?? '') : '')

/** PostgreSQL has cancelled the statement in favour of another transaction: a serialization failure or a deadlock. */
export const isGivenUp = (error: unknown): boolean => GIVEN_UP.test(codeOf(error))

/** The statement took too long. */
export const isCanceled = (error: unknown): boolean => codeOf(error) === QUERY_CANCELED

/** True for PostgreSQL's own answer to a statement, as opposed to its absence, or to "try again". */
export const isAnswer = (error: unknown): error is pg.DatabaseError =>
  error instanceof pg.DatabaseError && !AWAY.test(codeOf(error)) && !isGivenUp(error)

/** True if `error` is the violation of the unique index, foreign key or other constraint `name` (class 23). */
export const violates = (error: unknown, name: string): boolean =>
  error instanceof pg.DatabaseError && error.code?.startsWith('23') === true && error.constraint === name
