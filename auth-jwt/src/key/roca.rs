//! The fingerprint of RSA keys that a faulty library generated (ROCA, CVE-2017-15361). Their private halves
//! can be computed from the public ones.

/// Every odd prime up to 167.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/// The library chose primes that are a power of this number, modulo the product of the primes above. So is
/// their product.
const GENERATOR: u32 = 65_537;

/// Returns whether the library could have generated this modulus, which is big-endian. About one of 2^27
/// others has the same form (Nemec et al., The Return of Coppersmith's Attack, 2017, section 4).
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (GENERATOR % prime) % prime;
            power == rest
        })
    })
}
