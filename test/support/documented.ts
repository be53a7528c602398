import type { App } from '../../src/server/app.ts'

type Answer = { content?: { 'application/json'?: { examples?: object } } }
type Document = { paths: Record<string, Record<string, { responses: Record<string, Answer> }>> }
type Operation = { method: string; path: RegExp; name: string; codes: Set<string> }

let operations: Operation[] | null = null

const read = (app: App): Operation[] =>
  Object.entries((app.swagger() as unknown as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({
      method: method.toUpperCase(),
      path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      name: `${method.toUpperCase()} ${path}`,
      codes: new Set(
        Object.values(responses).flatMap(({ content }) =>
          Object.keys(content?.['application/json']?.examples ?? {}),
        ),
      ),
    })),
  )

/** Fails the test in which a route gives an error that openapi.yaml does not name for it. */
export const requireDocumented = (app: App, method: string, url: string, error: unknown): void => {
  if (typeof error !== 'string') return
  operations ??= read(app)
  const path = url.replace(/\?.*$/, '')
  const operation = operations.find((one) => one.method === method && one.path.test(path))
  if (operation && !operation.codes.has(error))
    throw new Error(`${operation.name} does not document ${error}`)
}
