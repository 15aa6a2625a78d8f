terraform import dr_http_verification.app https://app.example.com/health
