import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  type S3Client,
  type LifecycleRule as SdkRule,
} from '@aws-sdk/client-s3'
import type { Frame } from '../s3-protocol/bucket-client.ts'
import { orNothing, S3Failure } from '../s3-protocol/s3-failure.ts'
import type { BucketAdmin, LifecycleRule } from '../s3-protocol/set-up.ts'
import { type Command, exchange } from './exchange.ts'

/** A bucket's settings by the AWS SDK. */
export function createSdkAdmin(client: S3Client, bucket: string): BucketAdmin<SdkRule> {
  const Bucket = bucket
  const optionsOf = (frame: Frame): { abortSignal: AbortSignal } => ({ abortSignal: frame.signal })

  async function ask<Input extends object, Output extends object>(
    command: Command<Input, Output>,
    frame: Frame,
    send: () => Promise<Output>,
  ): Promise<Output> {
    return (await exchange(command, { class: 'other', frame }, send)).output
  }

  return {
    async exists(frame) {
      const command = new HeadBucketCommand({ Bucket })
      try {
        await ask(command, frame, () => client.send(command, optionsOf(frame)))
        return true
      } catch (error) {
        if (error instanceof S3Failure && error.status === 404) return false
        throw error
      }
    },
    async create(frame) {
      const region = await client.config.region()
      // Amazon S3 refuses its oldest region by name.
      const place =
        region === 'us-east-1'
          ? {}
          : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }
      const command = new CreateBucketCommand({ Bucket, ...place })
      await ask(command, frame, () => client.send(command, optionsOf(frame)))
    },
    async readPolicy(frame) {
      const command = new GetBucketPolicyCommand({ Bucket })
      const found = await orNothing(
        'NoSuchBucketPolicy',
        ask(command, frame, () => client.send(command, optionsOf(frame))),
      )
      return found?.Policy
    },
    async deletePolicy(frame) {
      const command = new DeleteBucketPolicyCommand({ Bucket })
      await ask(command, frame, () => client.send(command, optionsOf(frame)))
    },
    async readVersioning(frame) {
      const command = new GetBucketVersioningCommand({ Bucket })
      const { Status } = await ask(command, frame, () => client.send(command, optionsOf(frame)))
      return Status === undefined ? 'off' : Status === 'Enabled' ? 'enabled' : 'suspended'
    },
    async writeVersioning(status, frame) {
      const Status = status === 'enabled' ? 'Enabled' : 'Suspended'
      const command = new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } })
      await ask(command, frame, () => client.send(command, optionsOf(frame)))
    },
    async readEncryption(frame) {
      const command = new GetBucketEncryptionCommand({ Bucket })
      const found = await orNothing(
        'ServerSideEncryptionConfigurationNotFoundError',
        ask(command, frame, () => client.send(command, optionsOf(frame))),
      )
      return (found?.ServerSideEncryptionConfiguration?.Rules ?? []).length > 0 ? 'on' : 'off'
    },
    async writeEncryption(frame) {
      const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } } as const
      const command = new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: { Rules: [rule] },
      })
      await ask(command, frame, () => client.send(command, optionsOf(frame)))
    },
    async readLifecycle(frame) {
      const command = new GetBucketLifecycleConfigurationCommand({ Bucket })
      const found = await orNothing(
        'NoSuchLifecycleConfiguration',
        ask(command, frame, () => client.send(command, optionsOf(frame))),
      )
      return (found?.Rules ?? []).map(readRule)
    },
    ruleOf: (rule) => ({
      ...rule,
      raw: {
        ID: rule.id,
        Status: 'Enabled',
        Filter: { Prefix: rule.prefix },
        ...(rule.abortUploadsAfterDays === undefined
          ? {}
          : { AbortIncompleteMultipartUpload: { DaysAfterInitiation: rule.abortUploadsAfterDays } }),
        ...(rule.expireAfterDays === undefined ? {} : { Expiration: { Days: rule.expireAfterDays } }),
      },
    }),
    async writeLifecycle(rules, frame) {
      const command = new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: rules.map(({ raw }) => raw) },
      })
      await ask(command, frame, () => client.send(command, optionsOf(frame)))
    },
  }
}

function readRule(raw: SdkRule): LifecycleRule<SdkRule> {
  const abort = raw.AbortIncompleteMultipartUpload?.DaysAfterInitiation
  const expire = raw.Expiration?.Days
  const isOn = raw.Status === 'Enabled'
  return {
    id: raw.ID ?? '',
    prefix: raw.Filter?.Prefix ?? '',
    ...(abort === undefined || !isOn ? {} : { abortUploadsAfterDays: abort }),
    ...(expire === undefined || !isOn ? {} : { expireAfterDays: expire }),
    raw,
  }
}
