import type { Problem, ProblemList } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';

export const problems: ListSpec<ProblemList, Problem> = {
  name: 'problems',
  description: 'what cannot be done as configured, and faults, until they are fixed',
  argument: 'name',
  method: (client) => client.listProblems,
  rows: (reply) => reply.problems,
  none: 'no problem',
  order: ({ since, where, table, name, column, message }) => [since, where, table, name, column, message],
  message: 'Problem',
  changedBy: ['problem', 'node'],
  columns: [
    { title: 'WHERE', value: (one) => one.where, shrink: 1 },
    { title: 'ROW', value: row, shrink: 1 },
    { title: 'COLUMN', value: (one) => one.column, shrink: 1 },
    { title: 'PROBLEM', value: (one) => one.message, shrink: 3 },
    { title: 'SINCE', value: (one) => one.since.replace(/\.\d+Z$/, 'Z') },
  ],
};

function row(one: Problem): string {
  return [one.table, one.name || one.uuid].filter(Boolean).join(' ');
}
