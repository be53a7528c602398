// The log: JSON lines on standard output (pino). It carries ids, never names, codes, tokens or secrets.
import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

/** Members that must never be logged: censored where pino finds them, should they ever be passed to it. */
const REDACTED = ['password', 'code', 'secret', 'authorization', 'cookie', 'refresh_token', 'challenge_token']

/** `to`: 1 for standard output, 2 for standard error, or a stream. */
export const createLog = (level: string, to: 1 | 2 | DestinationStream = 1): Log =>
  pino(
    {
      level,
      redact: [...REDACTED, ...REDACTED.map((member) => `*.${member}`), 'req.headers'],
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    typeof to === 'number' ? pino.destination({ dest: to, sync: true }) : to,
  )
