import type { Frame } from '../s3-protocol/bucket-client.ts'
import { orNothing, S3Failure } from '../s3-protocol/s3-failure.ts'
import type { BucketAdmin, LifecycleRule } from '../s3-protocol/set-up.ts'
import type { Requests, TextAnswer } from './request.ts'
import { bodyOf } from './text-body.ts'
import { childrenOf, type Element, escapeXml, parseXml, textOf } from './xml.ts'

/** A bucket's settings; a rule's raw form is its XML as it came, so that rules of others go back as they are. */
export function createMinioAdmin(requests: Requests, region: string): BucketAdmin<string> {
  const read = (setting: string, frame: Frame): Promise<TextAnswer> =>
    requests.ask({ class: 'other', method: 'GET', query: { [setting]: '' } }, frame)

  async function write(setting: string, xml: string, frame: Frame): Promise<void> {
    await requests.ask({ class: 'other', method: 'PUT', query: { [setting]: '' }, ...bodyOf(xml) }, frame)
  }

  return {
    async exists(frame) {
      try {
        await requests.ask({ class: 'other', method: 'HEAD' }, frame)
        return true
      } catch (error) {
        if (error instanceof S3Failure && error.status === 404) return false
        throw error
      }
    },
    async create(frame) {
      const place =
        region === 'us-east-1'
          ? {}
          : bodyOf(
              `<CreateBucketConfiguration><LocationConstraint>${escapeXml(region)}</LocationConstraint></CreateBucketConfiguration>`,
            )
      await requests.ask({ class: 'other', method: 'PUT', ...place }, frame)
    },
    async readPolicy(frame) {
      return (await orNothing('NoSuchBucketPolicy', read('policy', frame)))?.text
    },
    async deletePolicy(frame) {
      await requests.ask({ class: 'other', method: 'DELETE', query: { policy: '' } }, frame)
    },
    async readVersioning(frame) {
      const status = textOf((await read('versioning', frame)).xml, 'Status')
      return status === undefined || status === '' ? 'off' : status === 'Enabled' ? 'enabled' : 'suspended'
    },
    writeVersioning: (status, frame) =>
      write(
        'versioning',
        `<VersioningConfiguration><Status>${status === 'enabled' ? 'Enabled' : 'Suspended'}</Status></VersioningConfiguration>`,
        frame,
      ),
    async readEncryption(frame) {
      const found = await orNothing(
        'ServerSideEncryptionConfigurationNotFoundError',
        read('encryption', frame),
      )
      return childrenOf(found?.xml, 'Rule').length > 0 ? 'on' : 'off'
    },
    writeEncryption: (frame) =>
      write(
        'encryption',
        '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
        frame,
      ),
    async readLifecycle(frame) {
      const found = await orNothing('NoSuchLifecycleConfiguration', read('lifecycle', frame))
      return [...(found?.text ?? '').matchAll(/<Rule>[^]*?<\/Rule>/g)].map(([raw]) => readRule(raw))
    },
    ruleOf: (rule) => ({
      ...rule,
      raw: [
        `<Rule><ID>${escapeXml(rule.id)}</ID><Status>Enabled</Status>`,
        `<Filter><Prefix>${escapeXml(rule.prefix)}</Prefix></Filter>`,
        rule.expireAfterDays === undefined
          ? ''
          : `<Expiration><Days>${rule.expireAfterDays}</Days></Expiration>`,
        rule.abortUploadsAfterDays === undefined
          ? ''
          : `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${rule.abortUploadsAfterDays}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
        '</Rule>',
      ].join(''),
    }),
    writeLifecycle: (rules, frame) =>
      write(
        'lifecycle',
        `<LifecycleConfiguration>${rules.map(({ raw }) => raw).join('')}</LifecycleConfiguration>`,
        frame,
      ),
  }
}

function readRule(raw: string): LifecycleRule<string> {
  const rule = parseXml(raw)
  const isOn = textOf(rule, 'Status') === 'Enabled'
  const abort = daysOf(rule, 'AbortIncompleteMultipartUpload', 'DaysAfterInitiation')
  const expire = daysOf(rule, 'Expiration', 'Days')
  return {
    id: textOf(rule, 'ID') ?? '',
    prefix: textOf(childrenOf(rule, 'Filter')[0], 'Prefix') ?? textOf(rule, 'Prefix') ?? '',
    ...(abort === undefined || !isOn ? {} : { abortUploadsAfterDays: abort }),
    ...(expire === undefined || !isOn ? {} : { expireAfterDays: expire }),
    raw,
  }
}

function daysOf(rule: Element | undefined, action: string, name: string): number | undefined {
  const days = textOf(childrenOf(rule, action)[0], name)
  return days === undefined ? undefined : Number(days)
}
