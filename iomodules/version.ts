import { iov_constant } from './gen/abi.js';

/** Version of the ABI headers; part of the bpffs path, since maps of another version cannot be taken over. */
export const ABI_VERSION = iov_constant.IOV_ABI_VERSION;
