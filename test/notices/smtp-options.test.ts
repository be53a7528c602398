import t from 'tap'
import { smtpOptions } from '../../src/notices/smtp-options.ts'

t.test('TLS is required, but for loopback', async (t) => {
  for (const [url, expected] of [
    [
      'smtp://mail.example.org',
      { host: 'mail.example.org', port: 587, secure: false, requireTLS: true, ignoreTLS: false },
    ],
    ['smtp://mail.example.org:25', { port: 25, requireTLS: true }],
    ['smtp://localhost.example.org', { requireTLS: true }],
    ['smtps://mail.example.org', { port: 465, secure: true }],
    ['smtps://127.0.0.1:2465', { port: 2465, secure: true }],
    ['smtp://localhost:1025', { port: 1025, secure: false, requireTLS: false, ignoreTLS: true }],
    ['smtp://[::1]:1025', { host: '::1', requireTLS: false }],
  ] as const)
    t.match(smtpOptions(url), expected, url)
})

t.test('a user name and a password are there where the URL has them', async (t) => {
  t.same(smtpOptions('smtp://u%40example.org:p%3Ass@mail.example.org').auth, {
    user: 'u@example.org',
    pass: 'p:ss',
  })
  t.equal(smtpOptions('smtp://mail.example.org').auth, undefined)
})
