/**
 * X.509 certificates for tests of TLS, made on the spot: openssl is not on every machine, and keys
 * do not belong into a repository. Elliptic curve P-256, in PEM.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export type Certificate = { cert: string; key: string }

export type Wish = {
  commonName: string
  /** DNS names and IPv4 addresses that it is for. */
  hosts?: readonly string[]
  /** When it ends; by default in the year 2099. */
  end?: Date
}

export type Authority = Certificate & { issue(wish: Wish): Certificate }

/** An authority of its own, with which nobody else has anything to do. */
export function createAuthority(commonName: string): Authority {
  const { publicKey, privateKey } = newKeys()
  const issuer = nameOf(commonName)
  const cert = certify({ commonName }, publicKey, issuer, privateKey, true)
  return {
    cert,
    key: pemOf(privateKey),
    issue(wish) {
      const own = newKeys()
      return {
        cert: certify(wish, own.publicKey, issuer, privateKey, false),
        key: pemOf(own.privateKey),
      }
    },
  }
}

/** A certificate that vouches for itself. */
export function selfSigned(wish: Wish): Certificate {
  const { publicKey, privateKey } = newKeys()
  const issuer = nameOf(wish.commonName)
  return { cert: certify(wish, publicKey, issuer, privateKey, false), key: pemOf(privateKey) }
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function certify(
  { commonName, hosts = [], end = new Date('2099-12-31') }: Wish,
  publicKey: KeyObject,
  issuer: Buffer,
  issuerKey: KeyObject,
  isAuthority: boolean,
): string {
  const extensions = [
    ...(isAuthority ? [extension('551d13', sequence(tagged(0x01, Buffer.from([0xff]))))] : []),
    ...(hosts.length > 0 ? [extension('551d11', sequence(...hosts.map(alternativeName)))] : []),
  ]
  const signed = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(new Date('2000-01-01')), time(end)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [tagged(0xa3, sequence(...extensions))] : []),
  )
  const signature = bitString(sign('sha256', signed, issuerKey))
  const text = sequence(signed, ECDSA_WITH_SHA256, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}

/** DER: a tag, the length, the parts. */
function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...parts: Buffer[]) => tagged(0x30, ...parts)
const integer = (bytes: Buffer) => tagged(0x02, bytes)
const objectId = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'))
const bitString = (bytes: Buffer) => tagged(0x03, Buffer.from([0]), bytes)
const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'))

function nameOf(commonName: string): Buffer {
  const value = sequence(objectId('550403'), tagged(0x0c, Buffer.from(commonName)))
  return sequence(tagged(0x31, value))
}

function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  // Up to 2049 with two digits for the year.
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), tagged(0x04, value))
}

function alternativeName(host: string): Buffer {
  return /^[\d.]+$/.test(host)
    ? tagged(0x87, Buffer.from(host.split('.').map(Number)))
    : tagged(0x82, Buffer.from(host))
}
