// Reads the operator's templates from their folder.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../config.ts'
import type { Templates } from './brand.ts'
import { parseTemplate, type Template, type TemplateName, templateProblem } from './template.ts'

const NONE: Templates = { layout: null, header: null, footer: null }

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw new ConfigError(`POSTERN_TEMPLATES_DIR: "${path}" cannot be read (${code})`)
  }
}

const readTemplate = (folder: string, name: TemplateName): Template | null => {
  const path = join(folder, `${name}.html`)
  const text = readText(path)
  if (text === null) return null
  const problem = templateProblem(name, text)
  if (problem) throw new ConfigError(`${path}:${problem.line}: ${problem.message}`)
  return parseTemplate(text)
}

/** @throws {ConfigError} naming the file and the line; or there is no template in the folder. */
export const readTemplates = (folder: string | null): Templates => {
  if (folder === null) return NONE
  const templates = {
    layout: readTemplate(folder, 'layout'),
    header: readTemplate(folder, 'header'),
    footer: readTemplate(folder, 'footer'),
  }
  if (Object.values(templates).every((template) => template === null))
    throw new ConfigError(
      `POSTERN_TEMPLATES_DIR: "${folder}" has no template; expected a folder with layout.html, header.html or footer.html`,
    )
  return templates
}
