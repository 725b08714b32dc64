import test from 'ava';
import { certificateNames } from './certificateName.js';

test('a certificate is named by its common name, without what ovs-pki puts behind it', (t) => {
  const cases: [subject: object | null | undefined, san: string | undefined, names: string[]][] = [
    [{ CN: 'hv1' }, undefined, ['hv1']],
    [{ CN: 'hv1 id:b38feffc-c5f8-4a64-8ae4-de300d8089df' }, 'DNS:whatever', ['hv1']],
    [{ CN: 'hv1 id:2026 Nov 27 04:23:28' }, undefined, ['hv1']],
    // A UUID is a usual system-id.
    [{ CN: 'b38feffc-c5f8-4a64-8ae4-de300d8089df' }, undefined, ['b38feffc-c5f8-4a64-8ae4-de300d8089df']],
    [{ CN: 'hv1 id:2' }, undefined, ['hv1 id:2']],
    [{ CN: 'hv1' }, 'DNS:hv2', ['hv1']],
    [{ CN: ['hv1', 'hv2'] }, 'DNS:hv2', []],
    [{}, 'DNS:hv1, IP Address:10.0.0.1, DNS:hv1.example.org', ['hv1', 'hv1.example.org']],
    [null, 'DNS:hv1', ['hv1']],
    [undefined, 'DNS:"a, DNS:hv1", URI:"x, DNS:hv3", DNS:hv2', ['hv2']],
    [{}, 'IP Address:10.0.0.1', []],
    [{ CN: '' }, undefined, []],
  ];
  for (const [subject, subjectaltname, names] of cases)
    t.deepEqual(certificateNames({ subject, subjectaltname }), names, JSON.stringify(subject));
  t.deepEqual(certificateNames(undefined), []);
});
