#![no_main]

#[path = "../checks/secret.rs"]
mod secret;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    secret::check(data);
});
