import type { Frame } from './bucket-client.ts'
import { S3Failure } from './s3-failure.ts'

/** How a bucket should be. What is left out is left as it is. */
export interface BucketSetUp {
  /** Makes the bucket where there is none. Default true. */
  readonly create?: boolean
  /** Takes away a bucket policy that lets everybody in. Default true. */
  readonly private?: boolean
  readonly versioning?: 'enabled' | 'suspended'
  /** Encrypts new objects with a key of the endpoint (AES-256). */
  readonly encryption?: 'on'
  /** Ends multipart uploads below the prefix after so many days. Default 7; 0: leaves them. */
  readonly abortUploadsAfterDays?: number
  /** Objects below a prefix of the bucket that are removed by themselves: bodies that clients upload on their own. */
  readonly temporary?: { readonly prefix: string; readonly expireAfterDays: number }
}

/** One setting that is not as it should be. */
export interface BucketDifference {
  readonly setting: 'bucket' | 'private' | 'versioning' | 'encryption' | 'abort-uploads' | 'temporary'
  readonly is: string
  readonly wanted: string
  /** The endpoint does not offer it: nothing that could be set. */
  readonly unsupported: boolean
}

/** One rule of a bucket's lifecycle. `raw` is the whole of it in the client's words: rules of others are written back untouched. */
export interface LifecycleRule<Raw> {
  readonly id: string
  readonly prefix: string
  readonly abortUploadsAfterDays?: number
  readonly expireAfterDays?: number
  readonly raw: Raw
}

/** A bucket's settings, as a vendor's client reaches them. Failures are `S3Failure`s. */
export interface BucketAdmin<Raw> {
  exists(frame: Frame): Promise<boolean>
  create(frame: Frame): Promise<void>
  /** Its policy as JSON; undefined when there is none. */
  readPolicy(frame: Frame): Promise<string | undefined>
  deletePolicy(frame: Frame): Promise<void>
  readVersioning(frame: Frame): Promise<'enabled' | 'suspended' | 'off'>
  writeVersioning(status: 'enabled' | 'suspended', frame: Frame): Promise<void>
  readEncryption(frame: Frame): Promise<'on' | 'off'>
  writeEncryption(frame: Frame): Promise<void>
  readLifecycle(frame: Frame): Promise<readonly LifecycleRule<Raw>[]>
  ruleOf(rule: Omit<LifecycleRule<Raw>, 'raw'>): LifecycleRule<Raw>
  writeLifecycle(rules: readonly LifecycleRule<Raw>[], frame: Frame): Promise<void>
}

const ABORT_RULE = 'mediakeep-abort-uploads'
const TEMPORARY_RULE = 'mediakeep-temporary'

interface Setting {
  readonly setting: BucketDifference['setting']
  readonly wanted: string
  /** Undefined: it is as wanted. */
  look(): Promise<string | undefined>
  change(): Promise<void>
}

/** What differs from the set-up, without changing anything. */
export async function diffBucket<Raw>(
  admin: BucketAdmin<Raw>,
  volumePrefix: string,
  wanted: BucketSetUp,
  frame: Frame,
): Promise<readonly BucketDifference[]> {
  if (!(await admin.exists(frame))) return [noBucket()]
  const found: BucketDifference[] = []
  for (const setting of settingsOf(admin, volumePrefix, wanted, frame)) {
    const difference = await lookAt(setting)
    if (difference !== undefined) found.push(difference)
  }
  return found
}

/** Makes the bucket as wanted, as often as it is called; answers what could not be made so. */
export async function setUpBucket<Raw>(
  admin: BucketAdmin<Raw>,
  volumePrefix: string,
  wanted: BucketSetUp,
  frame: Frame,
): Promise<readonly BucketDifference[]> {
  if (!(await admin.exists(frame))) {
    if (wanted.create === false) return [noBucket()]
    await createBucket(admin, frame)
  }
  const left: BucketDifference[] = []
  for (const setting of settingsOf(admin, volumePrefix, wanted, frame)) {
    const before = await lookAt(setting)
    if (before === undefined) continue
    if (!before.unsupported && (await isOffered(() => setting.change()))) {
      const after = await lookAt(setting)
      if (after !== undefined) left.push(after)
    } else left.push({ ...before, unsupported: true })
  }
  return left
}

function noBucket(): BucketDifference {
  return { setting: 'bucket', is: 'missing', wanted: 'there', unsupported: false }
}

async function createBucket<Raw>(admin: BucketAdmin<Raw>, frame: Frame): Promise<void> {
  try {
    await admin.create(frame)
  } catch (error) {
    const isThere =
      error instanceof S3Failure && error.code.startsWith('BucketAlready') && (await admin.exists(frame))
    if (!isThere) throw error
  }
}

async function lookAt(setting: Setting): Promise<BucketDifference | undefined> {
  const { wanted } = setting
  let is: string | undefined
  const offered = await isOffered(async () => {
    is = await setting.look()
  })
  if (!offered) return { setting: setting.setting, is: 'not offered', wanted, unsupported: true }
  return is === undefined ? undefined : { setting: setting.setting, is, wanted, unsupported: false }
}

/** False when the endpoint says that it has no such thing. */
async function isOffered(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    const isUnknown =
      error instanceof S3Failure &&
      (error.status === 501 ||
        error.status === 405 ||
        /^(NotImplemented|MethodNotAllowed|MalformedXML|KMSNotConfigured|InvalidArgument|InvalidRequest)$/.test(
          error.code,
        ))
    if (isUnknown) return false
    throw error
  }
}

function settingsOf<Raw>(
  admin: BucketAdmin<Raw>,
  volumePrefix: string,
  wanted: BucketSetUp,
  frame: Frame,
): readonly Setting[] {
  const settings: Setting[] = []
  if (wanted.private !== false) {
    settings.push({
      setting: 'private',
      wanted: 'no policy that lets everybody in',
      look: async () => (isPublic(await admin.readPolicy(frame)) ? 'a policy lets everybody in' : undefined),
      change: () => admin.deletePolicy(frame),
    })
  }
  const { versioning, encryption, abortUploadsAfterDays = 7, temporary } = wanted
  if (versioning !== undefined) {
    settings.push({
      setting: 'versioning',
      wanted: versioning,
      async look() {
        const is = await admin.readVersioning(frame)
        return is === versioning || (is === 'off' && versioning === 'suspended') ? undefined : is
      },
      change: () => admin.writeVersioning(versioning, frame),
    })
  }
  if (encryption !== undefined) {
    settings.push({
      setting: 'encryption',
      wanted: 'on',
      look: async () => ((await admin.readEncryption(frame)) === 'on' ? undefined : 'off'),
      change: () => admin.writeEncryption(frame),
    })
  }
  const rule = (
    setting: Setting['setting'],
    wantedRule: Omit<LifecycleRule<Raw>, 'raw'>,
    text: string,
  ): Setting => ({
    setting,
    wanted: text,
    async look() {
      const rules = await admin.readLifecycle(frame)
      const is = rules.find(({ id }) => id === wantedRule.id)
      if (is === undefined) return 'no rule'
      return isSameRule(is, wantedRule) ? undefined : 'another rule'
    },
    async change() {
      const others = (await admin.readLifecycle(frame)).filter(({ id }) => id !== wantedRule.id)
      await admin.writeLifecycle([...others, admin.ruleOf(wantedRule)], frame)
    },
  })
  if (abortUploadsAfterDays > 0) {
    const wantedRule = { id: ABORT_RULE, prefix: volumePrefix, abortUploadsAfterDays }
    settings.push(rule('abort-uploads', wantedRule, `after ${abortUploadsAfterDays} days`))
  }
  if (temporary !== undefined) {
    const { prefix, expireAfterDays } = temporary
    const wantedRule = { id: TEMPORARY_RULE, prefix, expireAfterDays }
    settings.push(rule('temporary', wantedRule, `${prefix} after ${expireAfterDays} days`))
  }
  return settings
}

function isSameRule<Raw>(is: LifecycleRule<Raw>, wanted: Omit<LifecycleRule<Raw>, 'raw'>): boolean {
  return (
    is.prefix === wanted.prefix &&
    is.abortUploadsAfterDays === wanted.abortUploadsAfterDays &&
    is.expireAfterDays === wanted.expireAfterDays
  )
}

/** Some statement allows something to everybody. One that cannot be read counts as public: somebody must look. */
export function isPublic(policy: string | undefined): boolean {
  if (policy === undefined || policy.trim() === '') return false
  try {
    const parsed: unknown = JSON.parse(policy)
    const statements: unknown =
      typeof parsed === 'object' && parsed !== null && 'Statement' in parsed ? parsed.Statement : []
    return (Array.isArray(statements) ? statements : [statements]).some(
      (statement: unknown) =>
        typeof statement === 'object' &&
        statement !== null &&
        'Effect' in statement &&
        statement.Effect === 'Allow' &&
        'Principal' in statement &&
        isEverybody(statement.Principal),
    )
  } catch {
    return true
  }
}

function isEverybody(principal: unknown): boolean {
  if (principal === '*') return true
  if (Array.isArray(principal)) return principal.some(isEverybody)
  if (typeof principal === 'object' && principal !== null) return Object.values(principal).some(isEverybody)
  return false
}
