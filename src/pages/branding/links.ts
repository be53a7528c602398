// The operator's links, as its setting has them: `Help=https://…;Privacy=https://…`. Pure.

export type BrandLink = { label: string; href: string }

const PROTOCOLS = ['https:', 'mailto:']

const readLink = (text: string): BrandLink | null => {
  const [, label = '', href = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  const protocol = URL.parse(href.trim())?.protocol
  if (label.trim() === '' || !protocol || !PROTOCOLS.includes(protocol)) return null
  return { label: label.trim(), href: href.trim() }
}

/** Null where one of them is no link. */
export const parseLinks = (value: string): BrandLink[] | null => {
  const texts = value.split(';').filter((text) => text.trim() !== '')
  const links = texts.map((text) => readLink(text.trim())).filter((link) => link !== null)
  return links.length === texts.length ? links : null
}
