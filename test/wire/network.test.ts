import t from 'tap'
import { isInNetworks, isNetwork, throttledNetwork } from '../../src/wire/end-user.ts'

t.test('throttles count an IPv4 address by itself and IPv6 by its /64', async (t) => {
  t.equal(throttledNetwork('203.0.113.9'), '203.0.113.9')
  t.equal(throttledNetwork('::ffff:203.0.113.9'), '203.0.113.9')
  t.equal(throttledNetwork('2001:db8:1:2:3:4:5:6'), throttledNetwork('2001:db8:1:2:ffff::1'))
  t.not(throttledNetwork('2001:db8:1:2::1'), throttledNetwork('2001:db8:1:3::1'))
  t.equal(throttledNetwork('not an address'), 'not an address')
})

t.test('an address lies in a network, or does not', async (t) => {
  for (const [ip, network, inside] of [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.4', '10.1.2.3', false],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:db8::1', '2001:db8::1', true],
    ['10.1.2.3', '::/0', false],
    ['nonsense', '0.0.0.0/0', false],
  ] as const) {
    t.equal(isInNetworks(ip, [network]), inside, `${ip} in ${network}`)
  }
  t.notOk(isInNetworks('10.1.2.3', []))
})

t.test('a network is an address, or one with a prefix length', async (t) => {
  for (const good of ['10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32']) t.ok(isNetwork(good), good)
  for (const bad of ['', 'example.org', '10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/8/8'])
    t.notOk(isNetwork(bad), bad)
})
