#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = auth_store::fuzzing::sql_row(data);
});
