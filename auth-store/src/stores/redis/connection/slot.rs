//! Which slot of a cluster a key is in.

/// The slot of a hash tag, or of a key without one: CRC-16/XMODEM, modulo 16384.
pub(in crate::stores::redis) fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % 16384
}

#[cfg(test)]
mod tests {
    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(super::slot(b"123456789"), 0x31c3);
        assert_eq!(super::slot(b"foo"), 12182);
        assert_eq!(super::slot(b""), 0);
    }
}
