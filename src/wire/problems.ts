// What Ajv finds wrong with a request, in words for whoever sent it. Pure.

/** One problem, as Ajv reports it. */
export type AjvError = {
  instancePath: string
  keyword: string
  params: Record<string, unknown>
  message?: string
}

const fieldOf = ({ instancePath, keyword, params }: AjvError): string => {
  const member = keyword === 'required' ? params.missingProperty : params.additionalProperty
  const path = typeof member === 'string' ? `${instancePath}/${member}` : instancePath
  return path.slice(1)
}

const MAX_NAMES = 8
const MAX_NAME_LENGTH = 64
const MAX_VALUES = 8

/** Names of members that a caller sent, cut for an answer: there may be many, and long ones (docs/security.md 40). */
export const namesOf = (members: readonly string[]): string[] =>
  members
    .slice(0, MAX_NAMES)
    .map((name) => (name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name))

const WORDS: Record<string, string> = {
  additionalProperties: 'is not a known member',
  required: 'is missing',
}

/** The values that a problem names as allowed: those of an enum, or a literal, of which a union has several. */
const allowedBy = ({ keyword, params }: AjvError): unknown[] => {
  if (keyword === 'const') return [params.allowedValue]
  return keyword === 'enum' && Array.isArray(params.allowedValues) ? params.allowedValues : []
}

const describeValues = (values: readonly unknown[]): string => {
  const shown = values.slice(0, MAX_VALUES).join(', ')
  if (values.length === 1) return `must be ${shown}`
  return `must be one of: ${shown}${values.length > MAX_VALUES ? ' and others' : ''}`
}

/**
 * The problems of one member. Ajv reports a problem for each branch of a union, then one for the union itself; where
 * the branches are literals, the list of them says it all, also that they are texts.
 */
const describeMember = (problems: readonly AjvError[]): string[] => {
  const allowed = [...new Set(problems.flatMap(allowedBy))]
  if (allowed.length === 0) {
    return problems.map(({ keyword, message }) => WORDS[keyword] ?? message ?? 'is not valid')
  }
  const types = new Set<unknown>(allowed.map((value) => typeof value))
  const others = problems.filter(
    ({ keyword, params }) =>
      !['anyOf', 'const', 'enum'].includes(keyword) && !(keyword === 'type' && types.has(params.type)),
  )
  return [describeValues(allowed), ...others.map(({ message }) => message ?? 'is not valid')]
}

/** Describes what Ajv found, and names the members; `where` names the place of a problem that is not in a member. */
export const describeProblems = (
  validation: readonly AjvError[],
  where: string,
): { description: string; fields: string[] } => {
  const members = [...Map.groupBy(validation, (problem) => fieldOf(problem) || where)]
  const names = namesOf(members.map(([name]) => name))
  const described = names.flatMap((name, index) =>
    describeMember(members[index]?.[1] ?? []).map((words) => `${name} ${words}`),
  )
  return {
    description: `${[...new Set(described)].slice(0, MAX_NAMES).join('; ')}.`,
    fields: [...new Set(names)],
  }
}
