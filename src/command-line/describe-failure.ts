import { CommanderError } from 'commander'
import pg from 'pg'
import { ConfigError } from '../config.ts'
import { EncryptionKeyError } from '../encryption/load-encryption-keys.ts'
import { UnsealError } from '../encryption/sealer.ts'
import { AuthError, DependencyError } from '../errors.ts'
import { DataFolderError } from '../postgres/embedded.ts'
import { DatabaseNewerError } from '../postgres/migrate.ts'
import { CommandError } from './host.ts'

const EXPLAINED = [
  AuthError,
  ConfigError,
  CommandError,
  DataFolderError,
  DatabaseNewerError,
  EncryptionKeyError,
  DependencyError,
  UnsealError,
]

type ListenError = NodeJS.ErrnoException & { address?: string; hostname?: string; port?: number }

const LISTENING: Record<string, string> = {
  EADDRINUSE: 'is in use. Stop what listens there, or set PORT',
  EACCES: 'may not be listened on by this user. Set PORT to one above 1023',
  EADDRNOTAVAIL: 'is not an address of this machine. Set HOST',
  ENOTFOUND: 'is not an address of this machine. Set HOST',
}

const describeListenError = ({ code = '', address, hostname, port }: ListenError): string =>
  `${address ?? hostname}${port ? `:${port}` : ''} ${LISTENING[code]}.`

const isListenError = (error: Error): error is ListenError => {
  const { code, syscall } = error as NodeJS.ErrnoException
  return (syscall === 'listen' || syscall === 'getaddrinfo') && code !== undefined && code in LISTENING
}

/**
 * What to print of an error: a message without a stack where the error is expected, null where it has been printed
 * already, the stack where it is a defect.
 */
export const describeFailure = (error: unknown): string | null => {
  if (error instanceof CommanderError) return null
  if (!(error instanceof Error)) return String(error)
  if (EXPLAINED.some((explained) => error instanceof explained)) return error.message
  if (error instanceof pg.DatabaseError) return `PostgreSQL refuses: ${error.message} (${error.code}).`
  if (isListenError(error)) return describeListenError(error)
  return error.stack ?? error.message
}
