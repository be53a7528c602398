// Creating an account oneself: by the code of the mail on the page that waits for it, or by its link in any browser.
import { type Test, test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openBrowser, unescapeHtml, type Visited } from '../support/form-browser.ts'
import { openMailServer, type Received } from '../support/mail-server.ts'
import { answerOf, authorizationRequest, claimsOf, REDIRECT_URI, redeem } from '../support/oidc-client.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

const CLIENT = { scopes: ['openid', 'profile', 'email'], redirectUris: [REDIRECT_URI], firstParty: true }
const ADA = {
  display_name: 'Ada Lovelace',
  username: 'ada',
  email: 'ada@example.org',
  password: 'Noten von 1843 zur Maschine',
}

const open = async (t: Test) => {
  const mail = await openMailServer(t)
  const postern = await openTestApp(t, { environment: mail.environment })
  await postern.setPolicy({ self_registration: true })
  return { mail, postern }
}

const codeOf = (mail: Received | undefined): string => /^\d{6}$/m.exec(mail?.text ?? '')?.[0] ?? ''
const linkOf = (mail: Received | undefined): string =>
  /^http\S+\/register\/confirm\S+$/m.exec(mail?.text ?? '')?.[0] ?? ''

const COUNT = {
  name: 'test_count',
  text: 'SELECT count(*) AS accounts FROM accounts WHERE client_id IS NULL',
}
const accountsOf = async ({ deps }: TestApp): Promise<number> =>
  (await deps.postgres.query<{ accounts: number }>(COUNT))[0]?.accounts ?? 0

/** Another code than this. */
const another = (code: string): string => (code === '000000' ? '111111' : '000000')

test('prompt=create leads to the form, and by the code of the mail to the application', {
  skip,
}, async (t) => {
  const { mail, postern } = await open(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url, codeVerifier } = authorizationRequest(client, {
    prompt: 'create',
    scope: 'openid profile email',
  })
  const page = await browser.visit(url)
  t.equal(page.heading, 'Create your account')
  const waiting = await browser.submit(page, ADA)
  t.equal(waiting.status, 200)
  t.equal(waiting.heading, 'Check your mail')
  t.equal(await accountsOf(postern), 0, 'there is no account yet')
  const [received] = await mail.atLeast(1)
  t.equal(received?.to, ADA.email)
  t.notMatch(`${received?.text}${received?.html}`, /Lovelace/, 'nothing that was typed is in the mail')
  t.match(received?.html, codeOf(received))

  const wrong = await browser.submit(waiting, { code: another(codeOf(received)) })
  t.equal(wrong.status, 400)
  t.match(wrong.html, /aria-invalid="true"/)
  const code = codeOf(received)
  const back = await browser.submit(wrong, { code: `${code.slice(0, 3)} ${code.slice(3)}` })
  const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
  const claims = claimsOf(body.id_token)
  t.match(claims, {
    preferred_username: 'ada',
    name: 'Ada Lovelace',
    email: ADA.email,
    email_verified: true,
    acr: 'aal1',
    amr: ['pwd'],
  })
  t.equal((await postern.logIn({ id: claims.sub, username: 'ada', password: ADA.password })).status, 200)
  const events = await postern.auditEvents({})
  const names = events.map(({ event }) => event)
  for (const event of ['registration.begun', 'registration.confirmed', 'account.created'])
    t.ok(names.includes(event), event)
  t.notMatch(JSON.stringify(events), /ada@example|Lovelace/)
  t.match(await postern.auditEvents({ event: 'registration.confirmed' }), [
    { account_id: claims.sub, actor_id: claims.sub, details: { by: 'code' } },
  ])
  const repeated = await browser.submit(wrong, { code })
  t.equal(repeated.left !== null || repeated.status < 500, true, 'a repeated form ends well')
  t.equal(await accountsOf(postern), 1)
})

test('The sign-in page leads to the form and back, without an application too', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  const signIn = await browser.visit('/sign-in')
  const form = await browser.visit(hrefOf(signIn, 'Create one'))
  t.equal(form.heading, 'Create your account')
  t.equal((await browser.visit(hrefOf(form, 'Sign in'))).heading, 'Sign in')
  const waiting = await browser.submit(form, ADA)
  const [received] = await mail.atLeast(1)
  const home = await browser.submit(waiting, { code: codeOf(received) })
  t.equal(home.url, '/account')
  t.equal(home.status, 200)
})

const hrefOf = (page: Visited, label: string): string => {
  const [, href = ''] = new RegExp(`<a href="([^"]+)">${label}</a>`).exec(page.html) ?? []
  return unescapeHtml(href)
}

test('The link confirms in another browser by a press of a button, and asks to sign in', {
  skip,
}, async (t) => {
  const { mail, postern } = await open(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const waiting = await browser.submit(
    await browser.visit(authorizationRequest(client, { prompt: 'create' }).url),
    ADA,
  )
  const [received] = await mail.atLeast(1)
  t.ok(unescapeHtml(received?.html ?? '').includes(`href="${linkOf(received)}"`))
  const phone = openBrowser(postern)
  const asked = await phone.visit(linkOf(received))
  t.match(asked.html, /ada@example\.org/)
  t.equal(await accountsOf(postern), 0, 'who only follows the link, as a mail scanner does, confirms nothing')
  const done = await phone.submit(asked)
  t.equal(done.heading, 'Your account is ready')
  t.equal(await accountsOf(postern), 1)
  t.notOk([...phone.cookies.keys()].includes('postern'), 'nobody is signed in by a link')
  t.equal((await phone.visit(linkOf(received))).status, 400, 'it works once')

  const over = await browser.submit(waiting, { code: codeOf(received) })
  t.equal(over.heading, 'Sign in')
  t.match(over.html, /This registration is over/)
  const back = await browser.submit(over, { username: 'ada', password: ADA.password })
  t.ok(answerOf(back).code, 'and the way goes on to the application')
})

test('Each field says what is wrong with it, and only the password is lost', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  await postern.createAccount({ username: 'grace' })
  const browser = openBrowser(postern)
  const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
  for (const [given, problems] of [
    [
      { username: '', email: '', password: '' },
      { username: /missing/, email: /missing/, password: /missing/ },
    ],
    [{ email: 'ada' }, { email: /not a complete email/ }],
    [{ username: 'a da' }, { username: /Use letters/ }],
    [{ username: 'ada@example.org' }, { username: /Use letters/ }],
    [{ username: 'GRACE' }, { username: /taken/ }],
    [{ password: 'too short 1843' }, { password: /too short/ }],
    [{ password: 'password1234567' }, { password: /widely known/ }],
    [{ password: 'ada@example.org' }, { password: /your name/ }],
    [{ password: 'xyxyxyxyxyxyxyxyxy' }, { password: /repeats/ }],
    [{ display_name: 'a'.repeat(200) }, { display_name: /does not look right/ }],
  ] as const) {
    const page = await browser.submit(form, { ...ADA, ...given })
    t.equal(page.status, 400, JSON.stringify(given))
    for (const [name, text] of Object.entries(problems)) {
      const [, said = ''] = new RegExp(`id="${name}-problem">(.*?)</p>`, 's').exec(page.html) ?? []
      t.match(said, text, JSON.stringify(given))
    }
    const { fields } = page.forms[0] ?? { fields: {} }
    t.match(fields, { ...ADA, ...given, password: '' })
  }
  t.equal(mail.received.length, 0)
  t.equal(await accountsOf(postern), 1)
})

test('An address that has an account is answered the same, and told by mail', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const known = await postern.createAccount({ username: 'lovelace', email: 'Ada@example.org' })
  const pageOf = async (email: string) => {
    const browser = openBrowser(postern)
    const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
    const waiting = await browser.submit(form, { ...ADA, email })
    return { browser, waiting }
  }
  const { browser, waiting } = await pageOf('ada@example.org')
  const other = await pageOf('new@example.org')
  const received = await mail.atLeast(2)
  const told = received.find(({ to }) => to === 'ada@example.org')
  t.match(told?.headers.subject, /You have an account/)
  t.match(told?.text, /user name is lovelace/)
  t.equal(codeOf(told), '')
  const plain = ({ html }: Visited) =>
    html.replaceAll(/value="[^"]*"|href="[^"]*"|(ada|new)@example\.org/g, '')
  t.equal(plain(waiting), plain(other.waiting))
  for (let tries = 1; tries <= 5; tries += 1) {
    const [page, otherPage] = [
      await browser.submit(waiting, { code: '000000' }),
      await other.browser.submit(other.waiting, {
        code: another(codeOf(received.find(({ to }) => to === 'new@example.org'))),
      }),
    ]
    t.equal(page.status, otherPage.status)
    t.equal(plain(page), plain(otherPage))
  }
  t.equal(await accountsOf(postern), 1)
  t.match(await postern.auditEvents({ event: 'registration.begun', accountId: known.id }), [
    { details: { known_address: true } },
  ])
})

test('A code is tried five times at most, also at once; the link goes on working', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  const waiting = await browser.submit(
    await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one')),
    ADA,
  )
  const [received] = await mail.atLeast(1)
  const wrong = another(codeOf(received))
  await Promise.all(Array.from({ length: 20 }, () => browser.submit(waiting, { code: wrong })))
  const compared = (await postern.auditEvents({ event: 'registration.refused' })).filter(
    ({ details }) => details.reason === 'wrong_code',
  )
  t.equal(compared.length, 5)
  const right = await browser.submit(waiting, { code: codeOf(received) })
  t.match(right.html, /This registration is over/)
  t.equal(await accountsOf(postern), 0)
  await browser.submit(await browser.visit(linkOf(received)))
  t.equal(await accountsOf(postern), 1)
})

test('One registration confirmed 20 times at once makes one account', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const { outcomes } = await race(postern, 20, {
    async prepare(run) {
      const browser = openBrowser(postern)
      const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
      const given = { ...ADA, username: `ada${run}`, email: `ada${run}@example.org` }
      const waiting = await browser.submit(form, given)
      const received = await mail.atLeast(run + 1)
      const own = received.find(({ to }) => to === given.email)
      const asked = await browser.visit(linkOf(own))
      return { browser, waiting, asked, code: codeOf(own) }
    },
    attempt: ({ browser, waiting, asked, code }, index) =>
      index % 5 === 0 ? browser.submit(waiting, { code }) : browser.submit(asked),
  })
  t.equal(await accountsOf(postern), 2, 'one of the rehearsal and one of the race')
  const won = outcomes.filter(({ heading, url }) => heading === 'Your account is ready' || url === '/account')
  t.ok(won.length >= 1)
  t.equal((await postern.auditEvents({ event: 'registration.confirmed' })).length, 2)
})

test('Of two registrations of one user name, the first that is confirmed has it', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const waitingFor = async (email: string) => {
    const browser = openBrowser(postern)
    const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
    return { browser, waiting: await browser.submit(form, { ...ADA, email }) }
  }
  const one = await waitingFor('one@example.org')
  const two = await waitingFor('two@example.org')
  const received = await mail.atLeast(2)
  const mailTo = (address: string) => received.find(({ to }) => to === address)
  t.equal(
    (await one.browser.submit(one.waiting, { code: codeOf(mailTo('one@example.org')) })).url,
    '/account',
  )
  const late = await two.browser.submit(two.waiting, { code: codeOf(mailTo('two@example.org')) })
  t.match(late.html, /Somebody was faster/)
  t.equal(await accountsOf(postern), 1)
})

test('The mail is sent again with the same code, a few times', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  let page = await browser.submit(
    await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one')),
    ADA,
  )
  for (let sent = 2; sent <= 4; sent += 1) {
    page = await browser.submit(page, {}, { form: 1 })
    t.match(page.html, /We have sent it again/)
    const received = await mail.atLeast(sent)
    t.equal(codeOf(received[sent - 1]), codeOf(received[0]))
  }
  page = await browser.submit(page, {}, { form: 1 })
  t.equal(page.status, 429)
  t.equal((await browser.submit(page, { code: codeOf(mail.received[0]) })).url, '/account')
})

test('An address gets five mails an hour, and a network has sixty tries', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const statusOf = async (given: Partial<typeof ADA>) => {
    const browser = openBrowser(postern)
    const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
    return (await browser.submit(form, { ...ADA, ...given })).status
  }
  for (let n = 1; n <= 5; n += 1)
    t.equal(await statusOf({ username: `ada${n}`, email: 'ADA@example.org' }), 200)
  t.equal(await statusOf({}), 429)
  await mail.atLeast(5)
  await postern.createAccount({ username: 'grace' })
  for (let n = 7; n <= 60; n += 1) t.equal(await statusOf({ username: 'grace' }), 400)
  t.equal(await statusOf({ username: 'grace' }), 429, 'user names cannot be asked for without end')
  postern.advance(3_601)
  t.equal(await statusOf({}), 200)
})

test('After an hour a registration is over', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  const waiting = await browser.submit(
    await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one')),
    ADA,
  )
  const [received] = await mail.atLeast(1)
  const asked = await browser.visit(linkOf(received))
  postern.advance(3_601)
  t.match((await browser.submit(waiting, { code: codeOf(received) })).html, /This registration is over/)
  t.equal((await browser.submit(asked)).status, 400)
  t.equal((await browser.submit(waiting, {}, { form: 1 })).status, 400)
  t.equal(await accountsOf(postern), 0)
})

test('What has begun is over where the policy closes registration', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  const waiting = await browser.submit(
    await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one')),
    ADA,
  )
  const [received] = await mail.atLeast(1)
  await postern.setPolicy({ self_registration: false })
  t.match((await browser.submit(waiting, { code: codeOf(received) })).html, /This registration is over/)
  t.equal((await browser.visit(linkOf(received))).status, 400)
  t.equal(await accountsOf(postern), 0)
})

test('Who must have a second factor enrolls one on the way', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  await postern.setPolicy({ required_for_all: true })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const form = await browser.visit(authorizationRequest(client, { prompt: 'create' }).url)
  const waiting = await browser.submit(form, { ...ADA, password: 'Noten 1843' })
  const [received] = await mail.atLeast(1)
  const next = await browser.submit(waiting, { code: codeOf(received) })
  t.equal(next.heading, 'Protect your account')
  t.notOk([...browser.cookies.keys()].includes('postern'), 'nobody is signed in before')
})

test('Whoever is signed in is shown the form too, and its session ends with the new account', {
  skip,
}, async (t) => {
  const { mail, postern } = await open(t)
  const grace = await postern.createAccount({ username: 'grace' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  await browser.submit(await browser.visit('/sign-in'), { username: 'grace', password: PASSWORD })
  const request = authorizationRequest(client, { prompt: 'create' })
  const form = await browser.visit(request.url)
  t.equal(form.heading, 'Create your account')
  t.ok(answerOf(await browser.visit(hrefOf(form, 'Sign in'))).code, 'or goes on as who it is')
  const waiting = await browser.submit(form, ADA)
  const [received] = await mail.atLeast(1)
  t.ok(answerOf(await browser.submit(waiting, { code: codeOf(received) })).code)
  t.match(await postern.auditEvents({ event: 'session.ended', accountId: grace.id }), [{}])
})

test('It is off by default: no link, no form, and prompt=create is refused', { skip }, async (t) => {
  const mail = await openMailServer(t)
  const postern = await openTestApp(t, { environment: mail.environment })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const refused = answerOf(await browser.visit(authorizationRequest(client, { prompt: 'create' }).url))
  t.equal(refused.error, 'invalid_request')
  t.match(refused.error_description, /self_registration/)
  const signIn = await browser.visit('/sign-in')
  t.notMatch(signIn.html, /Create one/)
  const sent = await browser.submit(
    { ...signIn, forms: [{ ...signIn.forms[0], action: '/register' } as never] },
    ADA,
  )
  t.equal(sent.heading, 'Sign in')
  t.equal(mail.received.length, 0)
  t.equal(await accountsOf(postern), 0)
})

test('A form without its token, or of another site, registers nobody', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const browser = openBrowser(postern)
  const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
  t.equal((await browser.submit(form, { ...ADA, csrf: 'x' })).status, 403)
  const foreign = await browser.submit(form, ADA, { headers: { origin: 'https://evil.example' } })
  t.equal(foreign.status, 403)
  t.match(foreign.forms[0]?.fields, { username: 'ada', email: ADA.email }, 'what was typed is still there')
  t.equal(mail.received.length, 0)
})

test('Pages and mail are in German for who wants it', { skip }, async (t) => {
  const { mail, postern } = await open(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const form = await browser.visit(authorizationRequest(client, { prompt: 'create', ui_locales: 'de' }).url)
  t.equal(form.heading, 'Legen Sie Ihr Konto an')
  await browser.submit(form, ADA)
  const [received] = await mail.atLeast(1)
  t.match(received?.headers.subject, /^Bestätigen Sie Ihre Adresse/)
  t.match(received?.text, /eine Stunde/)
  t.match(received?.html, /lang="de"/)
})

test('While the mail server is away, the registration waits for it', { skip }, async (t) => {
  let isAway = true
  const mail = await openMailServer(t, {
    refuse: () => (isAway ? Object.assign(new Error('later'), { responseCode: 451 }) : null),
  })
  const postern = await openTestApp(t, { environment: mail.environment })
  await postern.setPolicy({ self_registration: true })
  const browser = openBrowser(postern)
  const form = await browser.visit(hrefOf(await browser.visit('/sign-in'), 'Create one'))
  const began = performance.now()
  const waiting = await browser.submit(form, ADA)
  t.ok(performance.now() - began < 2_000)
  t.equal(waiting.heading, 'Check your mail')
  isAway = false
  while (mail.received.length === 0) {
    postern.advance(2)
    postern.deps.mailer.wake()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.equal((await browser.submit(waiting, { code: codeOf(mail.received[0]) })).url, '/account')
})
