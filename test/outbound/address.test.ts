import t from 'tap'
import { isAllowedAddress, isPublicAddress } from '../../src/outbound/address.ts'

const SPECIAL = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  '::ffff:0:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:a00:1::1',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'not an address',
]

t.test('no special address counts as public, in whichever form', async (t) => {
  for (const ip of SPECIAL) t.notOk(isPublicAddress(ip), ip)
})

t.test('addresses of the internet are public', async (t) => {
  for (const ip of [
    '9.9.9.9',
    '100.63.255.255',
    '172.32.0.1',
    '::ffff:9.9.9.9',
    '64:ff9b::9.9.9.9',
    '2620:fe::fe',
  ])
    t.ok(isPublicAddress(ip), ip)
})

t.test('the operator allows networks besides', async (t) => {
  t.ok(isAllowedAddress('10.1.2.3', ['10.1.0.0/16']))
  t.ok(isAllowedAddress('::ffff:10.1.2.3', ['10.1.0.0/16']))
  t.notOk(isAllowedAddress('10.2.2.3', ['10.1.0.0/16']))
  t.notOk(isAllowedAddress('::1', ['127.0.0.0/8']))
  for (const ip of SPECIAL.slice(0, -1)) t.ok(isAllowedAddress(ip, ['0.0.0.0/0', '::/0']), ip)
})
