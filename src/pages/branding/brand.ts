// What the operator's name, logo, colour and links are, once they are read and checked. Pure types.
import type { BrandLink } from './links.ts'
import type { Template } from './template.ts'

export type Brand = {
  name: string
  /** Where the logo is served; null: the name alone is shown. */
  logoHref: string | null
  links: BrandLink[]
  templates: Templates
}

/** The operator's own frame, as parts between which the page goes; a part that is null is Postern's own. */
export type Templates = { layout: Template | null; header: Template | null; footer: Template | null }
