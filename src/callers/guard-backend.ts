// The guards of challenges: the backend that opens one, and whoever answers one.
import { authenticateAnswering, authenticateBackend } from './authenticate-backend.ts'
import { guardWith } from './guard.ts'

/** A client's backend that may vouch for accounts. */
export const { guard: guardBackend, callerOf: backendOf } = guardWith('backend', authenticateBackend)

/** Anyone, or a backend that proves to be one. */
export const { guard: guardAnswering, callerOf: answeringOf } = guardWith('answering', authenticateAnswering)
