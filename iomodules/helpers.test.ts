import test from 'ava';
import { builtinModules } from './builtin/registry.js';
import { modules } from './modules.js';
import { helperIds } from './testing/helper-ids.js';

/** The helpers that modules may use, by enum bpf_func_id, with the kernel that brought them: 5.15 must have them all. */
const allowed: Record<number, [name: string, since: string]> = {
  1: ['map_lookup_elem', '3.19'],
  2: ['map_update_elem', '3.19'],
  3: ['map_delete_elem', '3.19'],
  5: ['ktime_get_ns', '4.1'],
  7: ['get_prandom_u32', '4.1'],
  9: ['skb_store_bytes', '4.1'],
  10: ['l3_csum_replace', '4.1'],
  11: ['l4_csum_replace', '4.1'],
  12: ['tail_call', '4.2'],
  13: ['clone_redirect', '4.2'],
  18: ['skb_vlan_push', '4.3'],
  19: ['skb_vlan_pop', '4.3'],
  23: ['redirect', '4.4'],
  26: ['skb_load_bytes', '4.5'],
  28: ['csum_diff', '4.6'],
  31: ['skb_change_proto', '4.8'],
  32: ['skb_change_type', '4.8'],
  38: ['skb_change_tail', '4.9'],
  39: ['skb_pull_data', '4.9'],
  41: ['set_hash_invalid', '4.9'],
  43: ['skb_change_head', '4.10'],
  50: ['skb_adjust_room', '4.13'],
  93: ['spin_lock', '5.1'],
  94: ['spin_unlock', '5.1'],
  118: ['jiffies64', '5.6'],
  130: ['ringbuf_output', '5.8'],
  131: ['ringbuf_reserve', '5.8'],
  132: ['ringbuf_submit', '5.8'],
  133: ['ringbuf_discard', '5.8'],
  135: ['csum_level', '5.8'],
  152: ['redirect_neigh', '5.10'],
  155: ['redirect_peer', '5.10'],
  160: ['ktime_get_coarse_ns', '5.11'],
};

const builtins = builtinModules.map(({ types, object }) => ({ name: `module_type ${types[0]}`, object }));
for (const { name, object } of [...modules, ...builtins]) {
  test(`${name} uses only helpers that kernel 5.15 has`, (t) => {
    const ids = helperIds(object);
    t.true(ids.includes(1));
    t.deepEqual(
      ids.filter((id) => allowed[id] === undefined),
      [],
    );
    t.log(ids.map((id) => allowed[id]?.join(' ')).join(', '));
  });
}
