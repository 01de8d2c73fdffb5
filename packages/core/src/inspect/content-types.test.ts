import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { MediaPolicy } from '../contracts/policy.ts'
import { receiveBytes } from '../ingest/receive.ts'
import { DEFAULT_POLICIES } from '../validation/policies.ts'
import {
  box,
  gif,
  ico,
  jpegSegment,
  movie,
  picture,
  png,
  pngData,
  pngHeader,
  withSegments,
  zip,
} from './samples.fixture.ts'
import { ANYTHING, type Taken, take } from './take.fixture.ts'

const text = (value: string): Buffer => Buffer.from(value)
const HTML = text('<html><body onload="alert(1)"><script>alert(1)</script>')
const PNG = png(pngHeader(3, 2), pngData(3, 2))
const NOTES = zip([{ name: 'notes.txt', data: text('hello') }])
const svg = (inside: string, attributes = ''): Buffer =>
  text(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="4" height="3"${attributes}>${inside}</svg>`,
  )
const utf16 = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(body.toString(), 'utf16le')])
const macros: MediaPolicy = { match: '*' }

const TYPE_REFUSED = 'MEDIA_TYPE_REFUSED'
const INVALID = 'MEDIA_INVALID'

/** Row, what it is, bytes, how they are sent, code and reason. */
type Row = readonly [string, string, () => Buffer | Promise<Buffer>, Taken, string, string]

const rows: readonly Row[] = [
  [
    '2.6-01',
    'a PNG declared as JPEG',
    () => PNG,
    { declared: 'image/jpeg' },
    TYPE_REFUSED,
    'content-type-mismatch',
  ],
  [
    '2.6-02',
    'an extension of another type',
    () => PNG,
    { filename: 'a.exe' },
    TYPE_REFUSED,
    'extension-mismatch',
  ],
  [
    '2.6-03',
    'GIF and script in one',
    () => text('GIF89a/*\u0000\u0000*/=1;alert(1)'),
    {},
    TYPE_REFUSED,
    'header-only',
  ],
  [
    '2.6-03b',
    'GIF and script in one, with sizes',
    () => text('GIF89a=1;/*\u0001aaaaa*/alert(1)//'),
    {},
    TYPE_REFUSED,
    'header-only',
  ],
  [
    '2.6-03c',
    'a whole GIF with script behind',
    () => Buffer.concat([gif(1), text('*/=1;alert(1)')]),
    {},
    TYPE_REFUSED,
    'trailing-data',
  ],
  [
    '2.6-04',
    'a JPEG with a ZIP behind',
    async () => Buffer.concat([await jpeg(), NOTES]),
    {},
    TYPE_REFUSED,
    'polyglot',
  ],
  [
    '2.6-04b',
    'a JPEG with a ZIP whose comment is long',
    async () => Buffer.concat([await jpeg(), zip([{ name: 'a' }], { comment: 'x'.repeat(65_535) })]),
    {},
    TYPE_REFUSED,
    'polyglot',
  ],
  [
    '2.6-04c',
    'a JPEG with a ZIP behind and an end of image behind that',
    async () => Buffer.concat([await jpeg(), NOTES, Buffer.from([0xff, 0xd9])]),
    {},
    TYPE_REFUSED,
    'trailing-data',
  ],
  [
    '2.6-05',
    'a JPEG with a PHAR in a comment',
    async () => withSegments(await jpeg(), jpegSegment(0xfe, text('<?php __HALT_COMPILER(); ?>'))),
    {},
    TYPE_REFUSED,
    'polyglot',
  ],
  [
    '2.6-05b',
    'a JPEG with a PHAR behind',
    async () => Buffer.concat([await jpeg(), text('<?php __HALT_COMPILER(); ?>\r\n\0\0\0GBMB')]),
    {},
    TYPE_REFUSED,
    'trailing-data',
  ],
  ['2.6-06', 'a PNG with HTML behind', () => Buffer.concat([PNG, HTML]), {}, TYPE_REFUSED, 'trailing-data'],
  [
    '2.6-07',
    'a PDF with a ZIP behind',
    () => Buffer.concat([text('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n\u0001'), NOTES]),
    {},
    TYPE_REFUSED,
    'polyglot',
  ],
  [
    '2.6-07b',
    'a PDF with a ZIP behind, and one byte more',
    () => Buffer.concat([text('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n\u0001'), NOTES, text('x')]),
    {},
    TYPE_REFUSED,
    'polyglot',
  ],
  [
    '2.6-08',
    'a PDF whose header stands at byte 1,000',
    () => Buffer.concat([Buffer.alloc(1_000, 1), text('%PDF-1.7\n')]),
    { declared: 'application/pdf' },
    TYPE_REFUSED,
    'content-type-mismatch',
  ],
  [
    '2.6-09',
    'tags of an MP3 with HTML behind',
    () => Buffer.concat([text('ID3\u0003\0\0\0\0\0\u000a'), Buffer.alloc(10), HTML]),
    { declared: 'audio/mpeg' },
    TYPE_REFUSED,
    'content-type-mismatch',
  ],
  [
    '2.6-10',
    'the first 32 bytes of an MP4',
    () => box('ftyp', text('isom\0\0\u0002\0isomiso2mp41')),
    {},
    TYPE_REFUSED,
    'header-only',
  ],
  [
    '2.6-11',
    'an icon that is a PNG with HTML behind',
    () => Buffer.concat([ico(PNG), HTML]),
    {},
    TYPE_REFUSED,
    'trailing-data',
  ],
  [
    '2.6-12',
    'a WebP with HTML behind',
    async () => Buffer.concat([await picture().webp().toBuffer(), HTML]),
    {},
    TYPE_REFUSED,
    'trailing-data',
  ],
  [
    '2.6-12b',
    'a WebP with HTML in place of a picture',
    () => text(`RIFF\u0040\0\0\0WEBPVP8 ${HTML.toString().padEnd(80)}`),
    {},
    TYPE_REFUSED,
    'header-only',
  ],
  [
    '2.6-13',
    'BMP and script in one',
    () => text(`BM=1;/*\u0001${'a'.repeat(60)}*/alert(1)`),
    {},
    TYPE_REFUSED,
    'header-only',
  ],
  ['2.6-14', 'SVG with a script', () => svg('<script>alert(1)</script>'), {}, INVALID, 'active-content'],
  [
    '2.6-14b',
    'SVG with a script under another prefix',
    () => svg('<x:ScRiPt xmlns:x="http://www.w3.org/2000/svg">1</x:ScRiPt>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-14c',
    'SVG with a link that runs, hidden by entities',
    () => svg('<a href="&#x6a;ava&#9;script:alert(1)"><text>x</text></a>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-14d',
    'SVG that sets a link later',
    () => svg('<set attributeName="xlink:href" to="javascript:alert(1)"/>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-14e',
    'SVG with entities of its own',
    () => text('<!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-14f',
    'SVG with a style that is spelled in entities',
    () => svg('<style>&#64;import "http://evil.example"</style>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-14g',
    'SVG whose document type hides what runs behind a quote in a comment',
    () => text(`<!DOCTYPE svg [<!-- ' -->]><svg onload="alert(1)"/><!-- ' []> --><svg/>`),
    {},
    INVALID,
    'active-content',
  ],
  ...[
    '<!doctype html><!--><script>1</script>-->',
    '<!doctype html><!-- --!><script>1</script>-->',
    '<!doctype html "><script>1</script>">',
    '<!doctype html><![CDATA[><script>1</script>]]>',
    '<!doctype html><textarea><a title="</textarea><script>1</script>"></textarea>',
    '<!doctype html><title><!-- </title><img src=x onerror=1> --></title>',
    '<!doctype html><p ="><script>1</script>">',
    '<!doctype html><p><svg><style><!--</style><img onerror=1>--></style></svg>',
    '<!doctype html><a href=" java\nscript:1">x</a>',
  ].map(
    (markup, index): Row => [
      `2.6-21${'cdefghijk'[index]}`,
      `HTML that hides what runs: ${markup.slice(15, 40)}`,
      () => text(markup),
      { policies: [{ match: 'text/html' }] },
      INVALID,
      ['invalid-markup', 'invalid-markup', 'external-reference'][index] ?? 'active-content',
    ],
  ),
  [
    '2.6-15',
    'SVG with HTML within',
    () => svg('<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-16',
    'SVG that runs when it is loaded',
    () => svg('', ' onload="alert(1)"'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-16b',
    'the same far behind the first bytes',
    () => svg(`${'<path d="M0 0"/>'.repeat(9_000)}<g ONCLICK='alert(1)'/>`),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-17',
    'SVG with a picture from elsewhere',
    () => svg('<image xlink:href="http://evil.example/a.png"/>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-17b',
    'SVG with a file of this machine',
    () => svg('<use href="file:///etc/passwd#a"/>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-18',
    'SVG with a document as data',
    () => svg('<image xlink:href="data:image/svg+xml,&lt;svg onload=alert(1)&gt;"/>'),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-19',
    'SVG that imports a style',
    () => svg('<style>@import "http://evil.example/a.css";</style>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-19b',
    'SVG that imports a style, hidden by escapes',
    () => svg('<style><![CDATA[@\\69mport/**/url(//evil.example)]]></style>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-19c',
    'SVG with a style attribute that fetches',
    () => svg('<g style="fill:u\\72l(https://evil.example/a)"/>'),
    {},
    INVALID,
    'external-reference',
  ],
  [
    '2.6-20',
    'SVG with a script behind a byte order mark',
    () => Buffer.concat([Buffer.from('efbbbf', 'hex'), svg('<script/>')]),
    {},
    INVALID,
    'active-content',
  ],
  ['2.6-20b', 'SVG with a script in UTF-16', () => utf16(svg('<script/>')), {}, INVALID, 'active-content'],
  [
    '2.6-20c',
    'SVG with a script behind comments',
    () => Buffer.concat([text(`<!-- ${'x'.repeat(3_000)} --><!-- <svg> -->`), svg('<script/>')]),
    {},
    INVALID,
    'active-content',
  ],
  [
    '2.6-20d',
    'SVG whose declaration and bytes differ in their encoding',
    () => Buffer.concat([text('<?xml version="1.0" encoding="UTF-7"?>'), svg('')]),
    {},
    INVALID,
    'invalid-markup',
  ],
  ['2.6-21', 'HTML named .jpg', () => HTML, { filename: 'a.jpg' }, TYPE_REFUSED, 'extension-mismatch'],
  [
    '2.6-21b',
    'HTML where its policy wants it without script',
    () => HTML,
    { policies: [{ match: 'text/html' }] },
    INVALID,
    'active-content',
  ],
  [
    '2.6-22',
    'XHTML',
    () => text('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'),
    {},
    TYPE_REFUSED,
    'type-not-allowed',
  ],
  [
    '2.6-22b',
    'XML with XHTML within, where XML is taken',
    () => text('<?xml version="1.0"?><a><b xmlns="http://www.w3.org/1999/xhtml"/></a>'),
    { policies: ANYTHING },
    INVALID,
    'active-content',
  ],
  [
    '2.6-23',
    'a web archive',
    () => text('MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<html>'),
    { filename: 'a.mht' },
    TYPE_REFUSED,
    'extension-mismatch',
  ],
  [
    '2.6-24',
    'XML that is turned into something else',
    () => text('<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="a.xsl"?><a/>'),
    { policies: ANYTHING },
    INVALID,
    'active-content',
  ],
  [
    '2.6-25',
    'compressed SVG',
    () => gzipSync(svg('<script/>')),
    { declared: 'image/svg+xml', filename: 'a.svgz' },
    TYPE_REFUSED,
    'content-type-mismatch',
  ],
  [
    '2.6-26',
    'a document of Word with macros',
    () => document('word/vbaProject.bin'),
    { policies: [macros] },
    INVALID,
    'active-content',
  ],
  [
    '2.6-27',
    'a shortcut of Windows',
    () => Buffer.concat([Buffer.from('4c0000000114020000000000c000000000000046', 'hex'), Buffer.alloc(60)]),
    {},
    TYPE_REFUSED,
    'type-not-allowed',
  ],
  [
    '2.6-30',
    'one byte that is declared as an image',
    () => Buffer.from([0xff]),
    { declared: 'image/jpeg' },
    TYPE_REFUSED,
    'content-type-mismatch',
  ],
  [
    '2.6-31',
    'text where no policy takes it',
    () => text('hello'),
    { policies: [{ match: 'image/*' }] },
    TYPE_REFUSED,
    'type-not-allowed',
  ],
]

function jpeg(): Promise<Buffer> {
  return picture().jpeg().toBuffer()
}

function document(...more: readonly string[]): Buffer {
  const content =
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'
  return zip([
    { name: '[Content_Types].xml', data: text(`<?xml version="1.0"?><Types>${content}</Types>`) },
    { name: '_rels/.rels', data: text('<Relationships/>') },
    ...['word/document.xml', ...more].map((name) => ({ name, data: text('<a/>') })),
  ])
}

describe('what pretends to be something else is refused', () => {
  for (const [row, name, bytes, sent, code, reason] of rows) {
    test(`${row} ${name}: ${code} ${reason}`, async () => {
      await expect(take(await bytes(), sent)).rejects.toMatchObject({ code, reason })
    })
  }

  test('2.6-29 an empty body: MEDIA_BAD_INPUT empty-file', async () => {
    const bounds = {
      declaredBytes: undefined,
      declaredType: undefined,
      filename: undefined,
      policies: DEFAULT_POLICIES,
      maxBodyBytes: 10,
    }
    await expect(receiveBytes(Buffer.alloc(0), bounds)).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'empty-file',
    })
  })
})

describe('what is what it claims to be is taken', () => {
  const taken: readonly (readonly [string, () => Buffer | Promise<Buffer>, Taken?])[] = [
    ['an icon of a PNG', () => ico(PNG)],
    ['a film', () => movie()],
    ['a document of Word', () => document(), { policies: [macros] }],
    [
      'one with macros, where its policy says so',
      () => document('word/vbaProject.bin'),
      { policies: [{ match: '*', activeContent: 'allow' }] },
    ],
    [
      'SVG with a script, where its policy says so',
      () => svg('<script/>'),
      { policies: [{ match: 'image/*', activeContent: 'allow' }] },
    ],
    [
      'SVG with links within, gradients, fonts and pictures as data',
      () =>
        svg(
          '<defs><linearGradient id="a"/></defs><style>@font-face{src:url(data:font/woff2;base64,AA)} .b{fill:url(#a)}</style><g fill="url(\'#a\')" xml:space="preserve"/><use xlink:href="#a"/><image href="data:image/png;base64,AA=="/>',
        ),
    ],
    [
      'SVG of a drawing program, with its document type',
      () =>
        text(
          '<?xml version="1.0" encoding="utf-8"?><!-- Generator --><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg version="1.1" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 8"><?xpacket begin="x"?><metadata/></svg>',
        ),
    ],
    [
      'HTML without script, where its policy names it',
      () => text('<!doctype html><p class=a>Hello <a href=https://example.org>you</a><br><img src=a.png>'),
      { policies: [{ match: 'text/html' }] },
    ],
    ['a JPEG with zeros behind', async () => Buffer.concat([await jpeg(), Buffer.alloc(4_096)])],
    [
      'a JPEG with a second picture behind',
      async () => Buffer.concat([await jpeg(), Buffer.alloc(7), await picture(8, 8).jpeg().toBuffer()]),
    ],
    ['a JPEG with a film behind', async () => Buffer.concat([await jpeg(), movie({ brand: 'mp42' })])],
    ['a JPEG with the blocks of a Samsung camera', async () => Buffer.concat([await jpeg(), samsung()])],
    [
      'a JPEG with the mark of a maker',
      async () => Buffer.concat([await jpeg(), text('v2_f35          LIVE_3141592   ')]),
    ],
    ['a GIF without its last byte', () => gif(2).subarray(0, -1)],
    [
      'a PNG with HTML behind, where its policy says so',
      () => Buffer.concat([PNG, HTML]),
      { policies: [{ match: 'image/*', trailingData: 'allow' }] },
    ],
  ]
  for (const [name, bytes, sent] of taken) {
    test(name, async () => {
      await expect(take(await bytes(), sent)).resolves.toBeDefined()
    })
  }

  test('nothing but padding where a policy wants nothing behind an image', async () => {
    const strict: Taken = { policies: [{ match: 'image/*', trailingData: 'refuse' }] }
    await expect(take(Buffer.concat([await jpeg(), Buffer.alloc(9)]), strict)).resolves.toBeDefined()
    await expect(take(Buffer.concat([await jpeg(), movie()]), strict)).rejects.toMatchObject({
      reason: 'trailing-data',
    })
  })
})

/** One block of its own, and the directory that describes it. */
function samsung(): Buffer {
  const block = Buffer.concat([Buffer.from([0, 0, 1, 0x0a, 14, 0, 0, 0]), text('Image_UTC_Data1234567890')])
  const directory = Buffer.alloc(24)
  directory.write('SEFH')
  directory.writeUInt32LE(101, 4)
  directory.writeUInt32LE(1, 8)
  directory.set([0, 0, 1, 0x0a], 12)
  directory.writeUInt32LE(block.length, 16)
  directory.writeUInt32LE(block.length, 20)
  const end = Buffer.from([directory.length, 0, 0, 0, 0x53, 0x45, 0x46, 0x54])
  return Buffer.concat([block, directory, end])
}
