import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { ArchiveLimits, MediaPolicy } from '../contracts/policy.ts'
import { tar, zip } from './samples.fixture.ts'
import { take } from './take.fixture.ts'

const MiB = 1_048_576
const text = (value: string): Buffer => Buffer.from(value)
const taking = (archives?: MediaPolicy['archives']): readonly MediaPolicy[] => [
  { match: '*', allowUnrecognised: true, ...(archives === undefined ? {} : { archives }) },
]
const u64 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 + values.length * 8)
  bytes.writeUInt16LE(1)
  bytes.writeUInt16LE(values.length * 8, 2)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 4 + index * 8)
  return bytes
}
const kernel = Buffer.alloc(100_000, 7)
const notes = { name: 'notes.txt', data: text('hello') }

/** Row, what it is, bytes, reason. All are MEDIA_INVALID where a policy takes archives and says nothing else of them. */
const rows: readonly (readonly [string, string, () => Buffer, string])[] = [
  [
    '2.9-01',
    'a flat bomb: files that share their bytes',
    () =>
      zip([
        { name: 'a', data: kernel },
        ...Array.from({ length: 99 }, (_, index) => ({
          name: `b${index}`,
          data: kernel,
          told: { at: 0 },
          isWritten: false,
        })),
      ]),
    'archive-unsafe',
  ],
  [
    '2.9-01b',
    'a flat bomb: files that begin within others',
    () =>
      zip([
        { name: 'a', data: Buffer.concat([Buffer.alloc(50), kernel]) },
        { name: 'b', data: kernel, told: { at: 81 }, isWritten: false },
      ]),
    'archive-unsafe',
  ],
  [
    '2.9-01c',
    'a file that unpacks to 1,000 times its bytes',
    () => zip([{ name: 'a', data: Buffer.alloc(4_096), method: 8, told: { unpacked: 4_096_000 } }]),
    'archive-too-large',
  ],
  [
    '2.9-01d',
    'files that unpack to more than 1 GiB',
    () =>
      zip(
        Array.from({ length: 30 }, (_, index) => ({
          name: `a${index}`,
          data: Buffer.alloc(MiB),
          method: 8,
          told: { unpacked: 40 * MiB },
        })),
      ),
    'archive-too-large',
  ],
  [
    '2.9-01e',
    'a file that claims more than its bytes can hold',
    () => zip([{ name: 'a', data: Buffer.alloc(100), method: 8, told: { unpacked: 900_000 } }]),
    'archive-unsafe',
  ],
  [
    '2.9-02',
    'an archive within the archive',
    () => zip([{ name: 'inner.zip', data: zip([notes]) }]),
    'archive-unsafe',
  ],
  [
    '2.9-03',
    '65,536 entries',
    () => zip(Array.from({ length: 65_536 }, () => ({ name: 'a' }))),
    'archive-unsafe',
  ],
  [
    '2.9-03b',
    '10,001 entries',
    () => zip(Array.from({ length: 10_001 }, (_, index) => ({ name: `${index}` }))),
    'archive-too-large',
  ],
  [
    '2.9-03c',
    'a directory that holds more entries than it counts',
    () => zip([notes, { name: 'b' }], { entries: 1 }),
    'archive-unsafe',
  ],
  [
    '2.9-04',
    'sizes of eight bytes that are announced and not there',
    () => zip([{ ...notes, told: { unpacked: 0xffff_ffff } }]),
    'archive-unsafe',
  ],
  [
    '2.9-04b',
    'sizes of eight bytes that say 2^50',
    () => zip([{ ...notes, extra: u64(2 ** 50), told: { unpacked: 0xffff_ffff } }]),
    'archive-unsafe',
  ],
  [
    '2.9-04c',
    'two directories that differ',
    () => zip([notes], { between: secondDirectory(7) }),
    'archive-unsafe',
  ],
  ['2.9-05', 'a name that leads out', () => zip([{ name: '../../etc/cron.d/a' }]), 'archive-unsafe'],
  [
    '2.9-05b',
    'a name that leads out by backslashes',
    () => zip([{ name: 'a\\..\\..\\b' }]),
    'archive-unsafe',
  ],
  ['2.9-05c', 'a name that begins at the root', () => zip([{ name: '/etc/passwd' }]), 'archive-unsafe'],
  ['2.9-05d', 'a name that begins at a drive', () => zip([{ name: 'C:/windows/a.dll' }]), 'archive-unsafe'],
  [
    '2.9-05e',
    'a file with another name in its own header',
    () => {
      const body = zip([{ name: 'aaaa' }])
      body.write('../a', 30)
      return body
    },
    'archive-unsafe',
  ],
  [
    '2.9-06',
    'a link',
    () => zip([{ name: 'link', data: text('/etc/passwd'), mode: 0o120777 }]),
    'archive-unsafe',
  ],
  ['2.9-07', 'an encrypted file', () => zip([{ ...notes, flags: 1 }]), 'archive-encrypted'],
  [
    '2.9-08',
    "a checksum that differs from the file's own header",
    () => zip([{ ...notes, told: { crc: 1 } }]),
    'archive-unsafe',
  ],
  ['2.9-09', 'tar with a device', () => tar([{ name: 'sda', kind: '4' }]), 'archive-unsafe'],
  ['2.9-09b', 'tar with a link', () => tar([{ name: 'a', kind: '2' }]), 'archive-unsafe'],
  [
    '2.9-09c',
    'tar with a name that leads out',
    () => tar([{ name: '../a', data: text('x') }]),
    'archive-unsafe',
  ],
  [
    '2.9-09d',
    'tar whose long name leads out',
    () =>
      tar([{ name: 'L', kind: 'L', data: text(`${'a/'.repeat(99)}${'../'.repeat(120)}a\0`) }, { name: 'a' }]),
    'archive-unsafe',
  ],
  [
    '2.9-09e',
    'tar that ends within a file',
    () => tar([{ name: 'a', data: Buffer.alloc(4_096) }]).subarray(0, 2_048),
    'invalid-archive',
  ],
  ['2.9-10', 'gzip of 1,000 to 1', () => gzipSync(Buffer.alloc(8 * MiB)), 'archive-too-large'],
  [
    '2.9-10b',
    'gzip of 1,000 to 1 whose last bytes say otherwise',
    () => {
      const body = gzipSync(Buffer.alloc(8 * MiB))
      body.writeUInt32LE(10, body.length - 4)
      return body
    },
    'archive-too-large',
  ],
  [
    '2.9-11',
    'an archive that nobody here can look into',
    () => Buffer.concat([Buffer.from('377abcaf271c0004', 'hex'), Buffer.alloc(64)]),
    'archive-unsafe',
  ],
]

/** The end that archives of more than 4 GiB have, which says other things than the usual one. */
function secondDirectory(entries: number): Buffer {
  const at = 30 + notes.name.length + notes.data.length + 46 + notes.name.length
  const long = Buffer.alloc(76)
  long.write('PK\u0006\u0006', 'latin1')
  long.writeBigUInt64LE(44n, 4)
  long.writeBigUInt64LE(BigInt(entries), 24)
  long.writeBigUInt64LE(BigInt(entries), 32)
  long.write('PK\u0006\u0007', 56, 'latin1')
  long.writeBigUInt64LE(BigInt(at), 64)
  return long
}

describe('archives that are made to harm who unpacks them are refused', () => {
  for (const [row, name, bytes, reason] of rows) {
    test(`${row} ${name}: MEDIA_INVALID ${reason}`, async () => {
      await expect(take(bytes(), { policies: taking() })).rejects.toMatchObject({
        code: 'MEDIA_INVALID',
        reason,
      })
    })
  }

  test('archives where a policy takes everything but them: MEDIA_TYPE_REFUSED archives-refused', async () => {
    for (const body of [zip([notes]), tar([notes]), gzipSync('hello')])
      await expect(take(body, { policies: taking('refuse') })).rejects.toMatchObject({
        code: 'MEDIA_TYPE_REFUSED',
        reason: 'archives-refused',
      })
  })
})

describe('archives within their limits are taken', () => {
  const taken: readonly (readonly [string, Buffer, ArchiveLimits | 'unchecked'])[] = [
    ['a plain one', zip([notes, { name: 'folder/' }, { name: 'ünder/a.txt', data: text('x') }]), {}],
    ['an empty one', zip([]), {}],
    ['one with a comment', zip([notes], { comment: 'PK\u0005\u0006 is how I end' }), {}],
    ['tar', tar([notes, { name: 'folder/', kind: '5' }]), {}],
    ['gzip', gzipSync('hello hello hello'), {}],
    [
      'a page of zeros',
      zip([{ name: 'a', data: Buffer.alloc(1_024), flags: 8, method: 8, told: { unpacked: 1_000_000 } }]),
      {},
    ],
    [
      'an archive within, where that is allowed',
      zip([{ name: 'a.jar', data: zip([notes]) }]),
      { allowNested: true },
    ],
    ['an encrypted one, where that is allowed', zip([{ ...notes, flags: 1 }]), { allowEncrypted: true }],
    ['what nobody checks, where its policy says so', zip([{ name: '../a' }]), 'unchecked'],
  ]
  for (const [name, body, archives] of taken) {
    test(name, async () => {
      // Names in Latin letters are bytes here; what counts is that both headers hold the same.
      await expect(take(body, { policies: taking(archives) })).resolves.toBeDefined()
    })
  }

  test('no more than the policy says', async () => {
    const two = zip([notes, { name: 'b', data: text('12345') }])
    for (const limits of [{ maxEntries: 1 }, { maxTotalBytes: 9 }])
      await expect(take(two, { policies: taking(limits) })).rejects.toMatchObject({
        reason: 'archive-too-large',
      })
    await expect(take(two, { policies: taking({ maxEntries: 2, maxTotalBytes: 10 }) })).resolves.toBeDefined()
  })
})
