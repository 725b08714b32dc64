import type { Router, RouterList } from '@iovisor-ovn/proto';
import type { ListSpec } from './list-command.js';
import { orDash } from './table.js';

export const routers: ListSpec<RouterList, Router> = {
  name: 'routers',
  description: 'logical routers, as Northbound has them; they are not forwarded yet: see STATE',
  argument: 'router',
  method: (client) => client.listRouters,
  rows: (reply) => reply.routers,
  none: 'no logical router',
  order: ({ name, uuid }) => [name, uuid],
  message: 'Router',
  completes: 'router',
  columns: [
    { title: 'ROUTER', value: (one) => one.name, shrink: 1 },
    { title: 'KEY', value: (one) => one.tunnelKey || '-', right: true },
    { title: 'PORTS', value: (one) => orDash(one.ports.join(' ')), shrink: 2 },
    { title: 'NAT', value: (one) => one.nats, right: true },
    { title: 'ROUTES', value: (one) => one.routes, right: true },
    { title: 'POLICIES', value: (one) => one.policies, right: true },
    { title: 'LB', value: (one) => one.loadBalancers, right: true },
    { title: 'GATEWAYS', value: (one) => orDash(one.gateways.join(' ')), shrink: 1 },
    { title: 'STATE', value: state, shrink: 2, tone: (one) => (one.problem === '' ? undefined : 'bad') },
  ],
};

function state({ enabled, problem }: Router): string {
  return [enabled ? '' : 'disabled in Northbound', problem].filter(Boolean).join('; ') || 'routed';
}
