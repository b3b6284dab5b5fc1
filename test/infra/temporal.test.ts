import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { attributes } from '../../workflows/platform/attributes.ts';
import { useTemporal } from '../support/services/temporal.ts';

describe('setting up a namespace', function () {
  this.timeout(60_000);
  let connection: Connection;
  const names = Object.values(attributes).map(({ name }) => name);
  const newName = () => `setup-${randomUUID().slice(0, 8)}`;
  const ensure = (namespace: string, say?: (line: string) => void) =>
    ensureNamespaceAndAttributes(connection, { namespace, retentionDays: 7, ...(say ? { say } : {}) });
  const addByHand = (namespace: string, searchAttributes: Record<string, number>) =>
    connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  const keyword = 2;
  const int = 3;

  before(async () => {
    connection = await Connection.connect({ address: (await useTemporal()).address });
  });
  after(() => connection.close());

  it('makes the namespace with its retention and all attributes, which can be used at once', async () => {
    const namespace = newName();
    const lines: string[] = [];
    assert.deepEqual(await ensure(namespace, (line) => lines.push(line)), { namespace: 'created', added: names });
    assert.deepEqual(lines, [`namespace ${namespace}: created, keeps closed workflows for 7 days`, `search attributes: added ${names.join(', ')}`]);

    const { config } = await connection.workflowService.describeNamespace({ namespace });
    assert.equal(Number(config?.workflowExecutionRetentionTtl?.seconds), 7 * 86_400);

    const client = new Client({ connection, namespace });
    const handle = await client.workflow.start('any', {
      taskQueue: 'any',
      workflowId: 'any',
      typedSearchAttributes: [
        { key: attributes.pipeline, value: 'storage' },
        { key: attributes.attention, value: true },
      ],
    });
    const { count } = await client.workflow.count(`${attributes.attention.name} = true AND ${attributes.state.name} IS NULL`);
    assert(count === 0 || count === 1); // the index lags behind; the question itself must be understood
    await handle.terminate();
  });

  it('a second time changes nothing', async () => {
    const namespace = newName();
    await ensure(namespace);
    const lines: string[] = [];
    assert.deepEqual(await ensure(namespace, (line) => lines.push(line)), { namespace: 'present', added: [] });
    assert.deepEqual(lines, [`namespace ${namespace}: present`, 'search attributes: present']);
  });

  it('twice at the same time ends well both times', async () => {
    const namespace = newName();
    const outcomes = await Promise.all([ensure(namespace), ensure(namespace)]);
    assert(outcomes.some((outcome) => outcome.namespace === 'created'));
    assert.deepEqual((await ensure(namespace)).added, []);
  });

  it('adds only what is missing and leaves others’ attributes alone', async () => {
    const namespace = newName();
    await ensure(namespace);
    await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: [attributes.subject.name] });
    await addByHand(namespace, { OfSomebodyElse: keyword });
    assert.deepEqual((await ensure(namespace)).added, [attributes.subject.name]);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    assert.equal(customAttributes['OfSomebodyElse'], keyword);
  });

  it('says which attribute exists with another type', async () => {
    const namespace = newName();
    await ensure(namespace);
    await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: [attributes.state.name] });
    await addByHand(namespace, { [attributes.state.name]: int });
    await assert.rejects(ensure(namespace), {
      type: 'ConfigError',
      message: new RegExp(`^The search attribute LongshoreState of the namespace ${namespace} is of type INT, expected KEYWORD: remove it `),
    });
  });

  it('says when the namespace has no room for them', async () => {
    const namespace = newName();
    await ensure(namespace);
    await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: [attributes.state.name] });
    const ours = Object.values(attributes).filter(({ type }) => type === 'KEYWORD').length - 1;
    const others = 10 - ours; // ten keywords fit
    await addByHand(namespace, Object.fromEntries(Array.from({ length: others }, (_, index) => [`Other${index}`, keyword])));
    await assert.rejects(ensure(namespace), { type: 'ConfigError', message: /does not take our search attributes \(LongshoreState\): .*more than 10/ });
  });

  it('says what an administrator must do when the account may not', async () => {
    const refuse = () => Promise.reject(Object.assign(new Error('7 PERMISSION_DENIED: no'), { code: 7, details: 'no', metadata: {} }));
    const operatorService: typeof connection.operatorService = Object.create(connection.operatorService, { addSearchAttributes: { value: refuse } });
    const { workflowService } = connection;
    const namespace = newName();
    await assert.rejects(ensureNamespaceAndAttributes({ workflowService, operatorService }, { namespace, retentionDays: 1 }), {
      type: 'PermissionDenied',
      message: new RegExp(`ask an administrator for the namespace ${namespace} with .*LongshoreAttention \\(BOOL\\)`),
    });
  });
});
