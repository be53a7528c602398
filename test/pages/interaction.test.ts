// What a person does on the pages, in Chromium.
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { openSite } from '../../src/pages/open-site.ts'
import { missingBrowser, openBrowser } from '../support/browser.ts'
import { servePages } from '../support/page-server.ts'
import { OTPAUTH_URI } from '../support/sample-pages.ts'

const skip = missingBrowser()

const browser = skip === false ? await openBrowser() : null
t.teardown(() => browser?.close())

/** Opens a page, with a server and a profile of its own. */
const openPage = async (t: Test, name: string, options: BrowserContextOptions = {}) => {
  const server = await servePages(openSite(readConfig({})))
  if (!browser) throw new Error('there is no browser')
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  t.teardown(async () => {
    await context.close()
    await server.close()
  })
  const page = await context.newPage()
  await page.goto(`${server.url}/en/${name}`)
  return { page, context, server }
}

const WITHOUT_SCRIPT = { javaScriptEnabled: false }
const focused = (page: Page) => page.evaluate('document.activeElement.id || document.activeElement.className')

t.test('a person signs in by keyboard alone', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'sign-in')
  t.equal(await focused(page), 'username')
  const way = []
  for (let step = 0; step < 4; step += 1) {
    await page.keyboard.press('Tab')
    way.push(await focused(page))
  }
  t.strictSame(way, ['password', 'reveal', 'remember', 'primary'])
  await page.locator('#username').focus()
  await page.keyboard.type('ada')
  await page.keyboard.press('Tab')
  await page.keyboard.type('correct horse')
  await page.keyboard.press('Enter')
  t.strictSame(Object.fromEntries(await server.nextForm()), {
    csrf: 'csrf-of-this-browser',
    flow: 'sealed-flow',
    username: 'ada',
    password: 'correct horse',
  })
})

t.test('without script the same form does the same', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'sign-in', WITHOUT_SCRIPT)
  t.notOk(await page.locator('.reveal').isVisible(), 'what needs script is not there')
  await page.locator('#username').fill('ada')
  await page.locator('#password').fill('correct horse')
  await page.locator('#remember').check()
  await page.locator('.primary').click()
  const form = await server.nextForm()
  t.equal(form.get('remember'), 'yes')
  t.equal(form.get('password'), 'correct horse')
})

t.test('a password is shown and hidden, and is hidden when it is sent', { skip }, async (t) => {
  const { page } = await openPage(t, 'sign-in-remembered')
  const type = () => page.locator('#password').getAttribute('type')
  const button = page.getByRole('button', { name: 'Show password' })
  await button.click()
  t.equal(await type(), 'text')
  await page.getByRole('button', { name: 'Hide password' }).click()
  t.equal(await type(), 'password')
  await button.click()
  await page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
  await page.locator('#password').fill('correct horse')
  await page.keyboard.press('Enter')
  t.equal(await type(), 'password')
})

t.test('a double click sends a form once', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'confirm-sign-out')
  let answer = () => {}
  const held = new Promise<void>((resolve) => {
    answer = resolve
  })
  await page.route('**/sign-out', async (route) => {
    await held
    await route.continue()
  })
  await page.locator('.primary').dblclick({ noWaitAfter: true })
  answer()
  await page.waitForURL('**/sign-out')
  t.equal(server.formCount(), 1)
})

t.test('a pasted code loses its spaces, and is sent when it is complete', { skip }, async (t) => {
  const { page, context, server } = await openPage(t, 'second-factor')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate("navigator.clipboard.writeText(' 123 456\\n')")
  await page.locator('#code').press('Control+v')
  const form = await server.nextForm()
  t.equal(form.get('code'), '123456')
  t.equal(form.get('method'), 'totp')
})

t.test('a code is typed digit by digit, and its box is marked', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'second-factor')
  const marked = () =>
    page.evaluate("[...document.querySelectorAll('.boxes i')].findIndex((box) => box.matches('.next'))")
  t.equal(await marked(), 0)
  await page.keyboard.type('12x34')
  t.equal(await page.locator('#code').inputValue(), '1234', 'what is no digit is left out')
  t.equal(await marked(), 4)
  t.equal(server.formCount(), 0)
  await page.keyboard.type('56')
  t.equal((await server.nextForm()).get('code'), '123456')
})

t.test('without script a code is sent by the button', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'second-factor', WITHOUT_SCRIPT)
  await page.locator('#code').fill('123 456')
  await page.locator('.primary').click()
  t.equal((await server.nextForm()).get('code'), '123 456')
})

t.test(
  'the digits of a code are in the middle of their boxes, on the narrowest screen too',
  { skip },
  async (t) => {
    const { page } = await openPage(t, 'second-factor', { viewport: { width: 320, height: 640 } })
    await page.locator('#code').fill('12345')
    const places = await page.evaluate<number[]>(`(() => {
    const input = document.querySelector('#code')
    const style = getComputedStyle(input)
    const pen = document.createElement('canvas').getContext('2d')
    pen.font = style.font
    const advance = pen.measureText('0').width
    const start = input.getBoundingClientRect().left + parseFloat(style.paddingLeft) + 1
    return [...document.querySelectorAll('.boxes i')].map((box, index) => {
      const { left, width } = box.getBoundingClientRect()
      const digit = start + index * (advance + parseFloat(style.letterSpacing)) + advance / 2
      return Math.abs(left + width / 2 - digit)
    })
  })()`)
    t.equal(places.length, 6)
    for (const [index, off] of places.entries()) t.ok(off < 3, `digit ${index + 1} is ${off} px off`)
  },
)

t.test('the time that is left is counted down, and its last minute is announced', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'sign-in')
  await page.clock.install()
  await page.goto(`${server.url}/en/second-factor`)
  const shown = page.locator('[data-seconds]')
  const announced = page.locator('#announced')
  t.equal(await shown.textContent(), 'Time left: 4:50')
  await page.clock.runFor(60_000)
  t.equal(await shown.textContent(), 'Time left: 3:50')
  t.equal(await announced.count(), 0)
  await page.clock.runFor(175_000)
  t.equal(await announced.textContent(), 'One minute left.')
  await page.clock.runFor(60_000)
  t.equal(await announced.textContent(), 'The time is up. Go back and begin again.')
})

t.test('the setup key is copied with one press', { skip }, async (t) => {
  const { page, context } = await openPage(t, 'totp-enrollment')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByText('You cannot scan it?').click()
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
})

t.test('on a phone an app is opened by a link, without a QR code to scan', { skip }, async (t) => {
  const { page } = await openPage(t, 'totp-enrollment', {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  })
  const link = page.getByRole('link', { name: 'Open in an app on this device' })
  t.ok(await link.isVisible())
  t.equal(await link.getAttribute('href'), OTPAUTH_URI)
})

t.test('recovery codes are copied, saved and confirmed', { skip }, async (t) => {
  const { page, context, server } = await openPage(t, 'recovery-codes', { acceptDownloads: true })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  const copied = String(await page.evaluate('navigator.clipboard.readText()'))
  t.equal(copied.split('\n').length, 10)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ])
  t.equal(download.suggestedFilename(), 'recovery-codes.txt')
  await page.locator('.primary').click()
  t.equal(server.formCount(), 0, 'nothing is sent before the box is ticked')
  await page.locator('#saved').check()
  await page.locator('.primary').click()
  t.equal((await server.nextForm()).get('saved'), 'yes')
})

t.test('without script the codes are downloaded by a form', { skip }, async (t) => {
  const { page, server } = await openPage(t, 'recovery-codes', WITHOUT_SCRIPT)
  await page.getByRole('button', { name: 'Download' }).click()
  t.equal((await server.nextForm()).getAll('codes').length, 10)
})

t.test('on paper there are the codes, and what they are for', { skip }, async (t) => {
  const { page } = await openPage(t, 'recovery-codes')
  await page.emulateMedia({ media: 'print' })
  t.ok(await page.locator('.codes').isVisible())
  t.ok(await page.getByText('Recovery codes for Postern').isVisible())
  for (const selector of ['.primary', '.tools', '.foot', 'h1'])
    t.notOk(await page.locator(selector).first().isVisible(), `no ${selector}`)
})

for (const [how, options] of [
  ['by script', {}],
  ['by the button without script', WITHOUT_SCRIPT],
] as const) {
  t.test(`an answer is posted to the application ${how}`, { skip }, async (t) => {
    const { page, context, server } = await openPage(t, 'signed-out', options)
    const body = new Promise<string | null>((resolve) => {
      context.route('https://books.example/callback', async (route) => {
        resolve(route.request().postData())
        await route.fulfill({ body: 'arrived' })
      })
    })
    await page.goto(`${server.url}/en/form-post`, { waitUntil: 'commit' })
    if (options === WITHOUT_SCRIPT) await page.locator('.primary').click()
    t.match(await body, 'code=pst_ac_x')
  })
}
